/* C = A x B by inner products: each row of A meets each column of B, both sorted, and where they share a place C has an entry.
 * A row is one thread's, drawn from a counter. Rows and columns hold a place at most once. */
#include "spgemm.h"

typedef struct {
  spgemm g;
  const int64_t *t_starts;   /* [columns of B + 1]: B by columns */
  const int64_t *t_rows;
  const double *t_values;
} inner;

/* What row i..last of A and column k..end of B have in common: the sum of the products, and whether there is any. */
HWSIM_INLINE double meet(const inner *in, int64_t i, int64_t last, int64_t k, int64_t end, int64_t *found) {
  const int64_t *a = hwsim_cached(in->g.a_columns), *b = hwsim_cached(in->t_rows);
  int64_t x = a[i], y = b[k];
  double sum = 0;
  for (;;) {
    if (x < y) {
      if (++i == last) return sum;
      x = a[i];
    } else if (y < x) {
      if (++k == end) return sum;
      y = b[k];
    } else {
      sum += in->g.a_values[i] * in->t_values[k];
      *found = 1;
      if (++i == last || ++k == end) return sum;
      x = a[i], y = b[k];
    }
  }
}

static void row_of_c(const inner *in, int64_t r) {
  const spgemm *g = &in->g;
  const int64_t *t_starts = hwsim_cached(in->t_starts);
  int64_t first = g->a_starts[r], last = g->a_starts[r + 1], place = g->c_starts[r], begin = place, k = 0;
  for (int64_t column = 0; column < g->columns && first < last; column++) {
    int64_t end = t_starts[column + 1], found = 0;
    double sum = k < end ? meet(in, first, last, k, end, &found) : 0;
    k = end;
    if (!found) continue;
    g->c_columns[place] = column;
    g->c_values[place++] = sum;
  }
  g->c_counts[r] = place - begin;
}

void kernel(const inner *all) {
  inner in = all[hwsim_block()];
  int64_t *next = hwsim_scratchpad(hwsim_stack_bytes());
  if (hwsim_block_thread() == 0) *next = 0;
  place_rows(&in.g, in.g.columns, hwsim_block_thread(), hwsim_block_threads());
  for (int64_t r; (r = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED)) < in.g.rows;) row_of_c(&in, r);
}
