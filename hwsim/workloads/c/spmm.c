/* Y = A X on both kinds of pipelines: multi-threaded ones pull X on demand for the non-zeros left in `cold`, single-threaded ones
 * bring a tile of X into the scratchpad by DMA and do its non-zeros from there; both add to Y at the memory. Source of the split:
 * Gerogiannis et al. 2024, HPCA, HotTiles. Which tiles are hot the host decides; none or all may be. */
#include "spmm.h"

/* rows x_first.. of X, and the runs of non-zeros that want them: each in one row of Y, columns counted from x_first */
typedef struct { int64_t x_first, x_rows, run_first, run_end; } tile;

typedef struct {
  rows_of cold;
  int64_t width;
  const double *x;
  double *y;                 /* of the block's rows; 0 before */
  int64_t tiles;
  const tile *hot;
  const int64_t *run_rows;   /* [runs] */
  const int64_t *run_starts; /* [runs + 1], into hot_columns */
  const int64_t *hot_columns;
  const double *hot_values;
  int64_t tile_rows;         /* of X at most */
} spmm;

static void do_tile(const spmm *s, const tile *t, double *pad, hwsim_dma *d) {
  const int64_t *starts = hwsim_cached(s->run_starts), *columns = hwsim_cached(s->hot_columns), *rows = hwsim_cached(s->run_rows);
  const double *values = hwsim_cached(s->hot_values);
  int64_t width = s->width;
  *d = (hwsim_dma){0, 1, t->x_rows * width, pad, 0, s->x + t->x_first * width, 0, 0};
  hwsim_dma_start(d);
  hwsim_dma_wait(0);
  for (int64_t run = t->run_first; run < t->run_end; run++) {
    int64_t first = starts[run], end = starts[run + 1];
    for (int64_t j = 0; j < width; j += 8) {
      eight sum = {0, 0, 0, 0, 0, 0, 0, 0};
      for (int64_t k = first; k < end; k++) add_scaled(&sum, values[k], pad + columns[k] * width + j);
      add_to(s->y + rows[run] * width + j, sum);
    }
  }
}

void kernel(const spmm *all) {
  spmm s = all[hwsim_block()];
  int64_t mtp = hwsim_block_mtp_threads(), thread = hwsim_block_thread();
  int64_t *next = hwsim_scratchpad(hwsim_stack_bytes());
  if (thread == 0) next[0] = next[1] = 0;
  hwsim_barrier(HWSIM_BLOCK);
  if (!hwsim_is_stp()) {
    pull(&s.cold, s.x, s.y, s.width, next, mtp, !s.tiles);
    return;
  }
  double *pad = hwsim_scratchpad(hwsim_stack_bytes() + 64 + (thread - mtp) * s.tile_rows * s.width * 8);
  hwsim_dma d;
  for (int64_t i; (i = __atomic_fetch_add(next + 1, 1, __ATOMIC_RELAXED)) < s.tiles;) do_tile(&s, s.hot + i, pad, &d);
}
