/* y = A x. Each block has its rows of A and of y in its own DRAM; x lies over all blocks. */
#include "spmv.h"

typedef struct { rows_of a; const double *x; double *y; } spmv;

void kernel(const spmv *all) {
  spmv s = all[hwsim_block()];
  int64_t *next = hwsim_scratchpad(hwsim_stack_bytes());
  if (hwsim_block_thread() == 0) *next = 0;
  hwsim_barrier(HWSIM_BLOCK);
  multiply(&s.a, s.x, s.y, next);
}
