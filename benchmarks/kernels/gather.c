/* Sum of x[index[i]], four elements at a time, so that a thread has four loads on their way; n is a multiple of four. */
#include "hwsim_thread.h"
void kernel(const double *x, const int64_t *index, int64_t n, double *out) {
  double sum = 0;
  for (int64_t i = 4 * hwsim_thread(); i < n; i += 4 * hwsim_threads()) {
    int64_t a = index[i], b = index[i + 1], c = index[i + 2], d = index[i + 3];
    double p = x[a], q = x[b], r = x[c], s = x[d];
    sum += (p + q) + (r + s);
  }
  hwsim_add_f64(out, sum);
}
