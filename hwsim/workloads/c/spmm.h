/* Y += A X, X and Y dense with `width` columns, a multiple of 8; eight of them are added up in registers at once. */
#ifndef SPMM_H
#define SPMM_H
#include "rows.h"

typedef struct { double s0, s1, s2, s3, s4, s5, s6, s7; } eight;

HWSIM_INLINE void add_scaled(eight *s, double a, const double *x) {
  double x0 = x[0], x1 = x[1], x2 = x[2], x3 = x[3], x4 = x[4], x5 = x[5], x6 = x[6], x7 = x[7];
  s->s0 += a * x0, s->s1 += a * x1, s->s2 += a * x2, s->s3 += a * x3;
  s->s4 += a * x4, s->s5 += a * x5, s->s6 += a * x6, s->s7 += a * x7;
}

HWSIM_INLINE void store(double *y, eight s) {
  y[0] = s.s0, y[1] = s.s1, y[2] = s.s2, y[3] = s.s3, y[4] = s.s4, y[5] = s.s5, y[6] = s.s6, y[7] = s.s7;
}

HWSIM_INLINE void add_to(double *y, eight s) {
  hwsim_add_f64(y, s.s0), hwsim_add_f64(y + 1, s.s1), hwsim_add_f64(y + 2, s.s2), hwsim_add_f64(y + 3, s.s3);
  hwsim_add_f64(y + 4, s.s4), hwsim_add_f64(y + 5, s.s5), hwsim_add_f64(y + 6, s.s6), hwsim_add_f64(y + 7, s.s7);
}

/* Non-zeros k0..k1, on demand: X word by word from memory. `mixed`: 1 for rows of Y that somebody else adds to; NULL: none. */
static void pull_share(const rows_of *m, const double *x, double *y, int64_t width, int64_t k0, int64_t k1, const int64_t *mixed) {
  const int64_t *starts = hwsim_cached(m->starts), *columns = hwsim_cached(m->columns);
  const double *values = hwsim_cached(m->values);
  int64_t first = k0;
  for (int64_t row = row_with(m, k0); first < k1; row++) {
    int64_t row_end = starts[row + 1], end = least(row_end, k1), whole = first == starts[row] && end == row_end;
    if (whole && mixed) whole = !hwsim_cached(mixed)[row];
    for (int64_t j = 0; j < width && first < end; j += 8) {
      eight s = {0, 0, 0, 0, 0, 0, 0, 0};
      for (int64_t k = first; k < end; k++) add_scaled(&s, values[k], x + columns[k] * width + j);
      if (whole) store(y + row * width + j, s);
      else add_to(y + row * width + j, s);
    }
    first = end;
  }
}

static void pull(const rows_of *m, const double *x, double *y, int64_t width, int64_t *next, int64_t threads, const int64_t *mixed) {
  int64_t nonzeros = nonzeros_of(m), each = share_of(nonzeros, threads, 64);
  for (int64_t k; (k = __atomic_fetch_add(next, each, __ATOMIC_RELAXED)) < nonzeros;)
    pull_share(m, x, y, width, k, least(k + each, nonzeros), mixed);
}
#endif
