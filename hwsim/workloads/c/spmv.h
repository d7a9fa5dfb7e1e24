/* y += A x for non-zeros k0..k1: a row inside is added up in a register, and so are the parts of rows that other shares have too. */
#ifndef SPMV_H
#define SPMV_H
#include "rows.h"

/* y is 0 before. Non-zeros come through the cache, line by line; x word by word from memory. */
static void multiply_share(const rows_of *m, const double *x, double *y, int64_t k0, int64_t k1) {
  const int64_t *starts = hwsim_cached(m->starts), *columns = hwsim_cached(m->columns);
  const double *values = hwsim_cached(m->values);
  int64_t k = k0;
  for (int64_t row = row_with(m, k0); k < k1; row++) {
    int64_t row_end = starts[row + 1], end = least(row_end, k1), whole = k == starts[row] && end == row_end;
    if (k == end) continue;
    double sum = 0;
    for (; k + 4 <= end; k += 4) {
      int64_t c0 = columns[k], c1 = columns[k + 1], c2 = columns[k + 2], c3 = columns[k + 3];
      double x0 = x[c0], x1 = x[c1], x2 = x[c2], x3 = x[c3];
      sum += values[k] * x0;
      sum += values[k + 1] * x1;
      sum += values[k + 2] * x2;
      sum += values[k + 3] * x3;
    }
    for (; k < end; k++) sum += values[k] * x[columns[k]];
    if (whole) y[row] = sum;
    else hwsim_add_f64(y + row, sum);
  }
}

/* Draws shares from the counter until all are done. */
static void multiply(const rows_of *m, const double *x, double *y, int64_t *next) {
  int64_t nonzeros = nonzeros_of(m), each = share_of(nonzeros, hwsim_block_threads(), 1024);
  for (int64_t k; (k = __atomic_fetch_add(next, each, __ATOMIC_RELAXED)) < nonzeros;)
    multiply_share(m, x, y, k, least(k + each, nonzeros));
}
#endif
