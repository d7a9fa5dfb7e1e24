/* Integer and floating-point instructions alone: every thread issues whenever it may. STP threads go on eight times as long, so that all end together. */
#include "hwsim_thread.h"
void kernel(int64_t n, int64_t *out) {
  int64_t a = hwsim_thread(), b = 3, c = 7;
  double d = (double)a, e = 1.0;
  if (hwsim_is_stp()) n *= 8;
  for (int64_t i = 0; i < n; i++) {
    a = a * 5 + b;
    b ^= a >> 3;
    c += b;
    d = d * 0.5 + e;
    e += 1.0;
    if (c & 1) a ^= c;
  }
  out[hwsim_thread()] = a + b + c + (int64_t)d;
}
