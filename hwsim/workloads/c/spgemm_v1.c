/* SMASH, version 1: the rows of a window are dealt to the threads in turn; when all are hashed, the threads walk over the table
 * and write it back. */
#include "window.h"

static void hash_row(const spgemm *g, const pad *p, window w, int64_t row) {
  const int64_t *starts = g->b_starts, *columns = g->b_columns;
  const double *values = g->b_values;
  int64_t low = w.column, span = w.span;
  place at = row_place(p, row);
  for (int64_t k = g->a_starts[w.first + row]; k < g->a_starts[w.first + row + 1]; k++) {
    int64_t c = g->a_columns[k], end = starts[c + 1];
    double a = g->a_values[k];
    for (int64_t i = starts[c]; i < end; i++) {
      int64_t column = columns[i];
      if ((uint64_t)(column - low) < (uint64_t)span) add_entry(at, column, a * values[i]);
    }
  }
}

void kernel(const spgemm *all) {
  spgemm g = all[hwsim_block()];
  int64_t thread = hwsim_block_thread(), threads = hwsim_block_threads(), leader = thread == threads - 1;
  pad p = lay_pad(0, 1, 0);
  window w = {0, 0, 0, 0, 1, 0};
  clear_pad(&p, thread, threads);
  for (int64_t r = thread; r < g.rows; r += threads) count_products(&g, r);
  for (;;) {
    w = turn_window(&g, &p, w, thread, threads, leader);
    if (!w.rows) return;
    for (int64_t row = thread; row < w.rows; row += threads) hash_row(&g, &p, w, row);
    hwsim_barrier(HWSIM_BLOCK);
    write_back(&g, &p, w, thread, threads);
  }
}
