/* One layer of a graph convolutional network: relu(D (A + I) D H W), D the inverse roots of the row sums of A + I. Source: Kipf
 * and Welling 2017, arXiv:1609.02907, equation 2. H W comes first, with W in every block's scratchpad; then neighbours are pulled. */
#include "spmm.h"

typedef struct {
  rows_of a;                 /* this block's vertices */
  int64_t first;             /* the first of them */
  int64_t in, out;           /* features before, after; out a multiple of 8 */
  const double *h;           /* [rows][in] of the block */
  const double *w;           /* [in][out] over all blocks */
  double *roots;             /* [rows] */
  double *z;                 /* [all vertices][out] over all blocks: D H W */
  double *y;                 /* [rows][out], 0 before */
} gcn;

static void transform(const gcn *g, const double *w, int64_t row) {
  const int64_t *starts = hwsim_cached(g->a.starts);
  const double *values = hwsim_cached(g->a.values), *h = hwsim_cached(g->h) + row * g->in;
  double degree = 1;
  for (int64_t k = starts[row]; k < starts[row + 1]; k++) degree += values[k];
  double root = 1 / __builtin_sqrt(degree);
  g->roots[row] = root;
  for (int64_t j = 0; j < g->out; j += 8) {
    eight s = {0, 0, 0, 0, 0, 0, 0, 0};
    for (int64_t i = 0; i < g->in; i++) add_scaled(&s, root * h[i], w + i * g->out + j);
    store(g->z + (g->first + row) * g->out + j, s);
  }
}

void kernel(const gcn *all) {
  gcn g = all[hwsim_block()];
  int64_t *next = hwsim_scratchpad(hwsim_stack_bytes()), threads = hwsim_block_threads();
  double *w = hwsim_scratchpad(hwsim_stack_bytes() + 64);
  if (hwsim_block_thread() == 0) {
    next[0] = next[1] = next[2] = 0;
    hwsim_dma d = {0, 1, g.in * g.out, w, 0, g.w, 0, 0};
    hwsim_dma_start(&d);
    hwsim_dma_wait(0);
  }
  hwsim_barrier(HWSIM_BLOCK);
  for (int64_t r; (r = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED)) < g.a.rows;) transform(&g, w, r);
  hwsim_barrier(HWSIM_ALL);
  pull(&g.a, g.z, g.y, g.out, next + 1, threads, 0);
  hwsim_barrier(HWSIM_BLOCK);
  for (int64_t r; (r = __atomic_fetch_add(next + 2, 1, __ATOMIC_RELAXED)) < g.a.rows;) {
    double root = g.roots[r], *y = g.y + r * g.out;
    const double *own = g.z + (g.first + r) * g.out;
    for (int64_t j = 0; j < g.out; j++) {
      double v = root * (y[j] + own[j]);
      y[j] = v > 0 ? v : 0;
    }
  }
}
