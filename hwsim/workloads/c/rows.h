/* A block's rows of a sparse matrix, cut into shares of the same number of non-zeros, so that no row is too long for balance. */
#ifndef ROWS_H
#define ROWS_H
#include "hwsim_thread.h"

typedef struct {
  int64_t rows;             /* of this block */
  const int64_t *starts;    /* [rows + 1], into columns */
  const int64_t *columns;
  const double *values;
} rows_of;

HWSIM_INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
HWSIM_INLINE int64_t nonzeros_of(const rows_of *m) { return m->starts[m->rows]; }

/* non-zeros of a share: about eight shares a thread, whole cache lines of them, at most `most` */
HWSIM_INLINE int64_t share_of(int64_t nonzeros, int64_t threads, int64_t most) {
  int64_t each = (nonzeros / (8 * threads) + 7) & ~7l;
  return each < 16 ? 16 : least(each, most);
}

/* the row that holds non-zero k: the last one that starts at k or before and is not empty */
static int64_t row_with(const rows_of *m, int64_t k) {
  const int64_t *starts = hwsim_cached(m->starts);
  int64_t low = 0, high = m->rows;
  while (high - low > 1) {
    int64_t middle = (low + high) >> 1;
    if (starts[middle] <= k) low = middle;
    else high = middle;
  }
  return low;
}
#endif
