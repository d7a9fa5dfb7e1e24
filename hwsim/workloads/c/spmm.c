/* Y = A X on both kinds of pipelines: multi-threaded ones pull X on demand for the non-zeros left in `cold`, single-threaded ones
 * bring a tile of X into the scratchpad by DMA, do its non-zeros from there, and have the DMA engine add what comes of them to Y. Source of the split:
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
  const int64_t *mixed;      /* [rows] 1 where tiles add to a row of Y too; NULL where there are none */
} spmm;

#define BATCH 16             /* runs whose sums go to Y by one command */

/* what single-threaded pipelines share, and what each has of the scratchpad */
typedef struct {
  double *x[2];              /* tiles take turns: one is loaded while the other is used */
  int64_t *next;             /* [2] run of the tile in x[i] to be drawn */
  double *sums;              /* [2][BATCH][width] of the thread */
  hwsim_dma load, add[2];
} share;

static void do_run(const spmm *s, const double *x, int64_t run, double *to) {
  const int64_t *columns = hwsim_cached(s->hot_columns);
  const double *values = hwsim_cached(s->hot_values);
  int64_t first = hwsim_cached(s->run_starts)[run], end = hwsim_cached(s->run_starts)[run + 1], width = s->width;
  for (int64_t j = 0; j < width; j += 8) {
    eight sum = {0, 0, 0, 0, 0, 0, 0, 0};
    for (int64_t k = first; k < end; k++) add_scaled(&sum, values[k], x + columns[k] * width + j);
    store(to + j, sum);
  }
}

static void load_tile(const spmm *s, share *own, int64_t i) {
  const tile *t = s->hot + i;
  own->next[i & 1] = t->run_first;
  own->load = (hwsim_dma){0, 1, t->x_rows * s->width, own->x[i & 1], 0, s->x + t->x_first * s->width, 0, 0};
  hwsim_dma_start(&own->load);
}

/* Draws runs of a tile; their sums lie in two buffers in turn until the DMA engine has added them. */
static void do_tile(const spmm *s, share *own, int64_t i) {
  int64_t width = s->width, end = s->hot[i].run_end;
  for (int64_t run, flip = 0; (run = __atomic_fetch_add(own->next + (i & 1), BATCH, __ATOMIC_RELAXED)) < end; flip ^= 1) {
    int64_t runs = least(BATCH, end - run);
    double *sums = own->sums + flip * BATCH * width;
    hwsim_dma_wait(1);
    for (int64_t k = 0; k < runs; k++) do_run(s, own->x[i & 1], run + k, sums + k * width);
    own->add[flip] = (hwsim_dma){HWSIM_DMA_SCATTER | HWSIM_DMA_ADD_FLOAT, runs, width, s->y, width * 8, sums, width * 8, s->run_rows + run};
    hwsim_dma_start(&own->add[flip]);
  }
  hwsim_dma_wait(0);
}

static void do_tiles(const spmm *s, int64_t number, int64_t *next) {
  share own;
  int64_t x_words = s->tile_rows * s->width;
  own.next = next;
  own.x[0] = (double *)(next + 2);
  own.x[1] = own.x[0] + x_words;
  own.sums = own.x[1] + x_words + number * 2 * BATCH * s->width;
  if (number == 0 && s->tiles) load_tile(s, &own, 0);
  for (int64_t i = 0; i < s->tiles; i++) {
    hwsim_dma_wait(0);
    hwsim_barrier(HWSIM_STP);
    if (number == 0 && i + 1 < s->tiles) load_tile(s, &own, i + 1);
    do_tile(s, &own, i);
  }
}

void kernel(const spmm *all) {
  spmm s = all[hwsim_block()];
  int64_t mtp = hwsim_block_mtp_threads(), thread = hwsim_block_thread();
  int64_t *next = hwsim_scratchpad(hwsim_stack_bytes());
  if (thread == 0) next[0] = 0;
  hwsim_barrier(HWSIM_BLOCK);
  if (hwsim_is_stp()) do_tiles(&s, thread - mtp, next + 1);
  else pull(&s.cold, s.x, s.y, s.width, next, mtp, s.mixed);
}
