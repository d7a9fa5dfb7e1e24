#include "hwsim_thread.h"

/* out[0] = sum of x[0..n-1]: every thread adds its part, then one atomic a thread, done at the memory */
void kernel(const double *x, int64_t n, double *out) {
  double sum = 0;
  for (int64_t i = hwsim_thread(); i < n; i += hwsim_threads()) sum += x[i];
  hwsim_add_f64(out, sum);
}
