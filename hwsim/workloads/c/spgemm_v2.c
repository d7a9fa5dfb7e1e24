/* SMASH, version 2: one single-threaded pipeline cuts the window into tokens of about the same work, and every thread takes the
 * next one. */
#include "tokens.h"

static void work(const job *j, int64_t t) {
  const spgemm *g = j->g;
  const int64_t *starts = g->b_starts, *columns = g->b_columns;
  const double *values = g->b_values;
  int64_t low = j->w.column, span = j->w.span;
  place at = row_place(j->p, ROW(t));
  for (int64_t k = FIRST(t); k < FIRST(t) + NONZEROS(t); k++) {
    int64_t c = g->a_columns[k], i = starts[c], end = starts[c + 1];
    double a = g->a_values[k];
    if (PIECE_OF(t) != ALL_PIECES) {
      i += PIECE_OF(t) * PIECE;
      end = least(end, i + PIECE);
    }
    for (; i < end; i++) {
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
  begin(&g, &p, thread, threads);
  for (;;) {
    w = turn_window(&g, &p, w, thread, threads, leader);
    if (!w.rows) return;
    job j = {&g, &p, w, hwsim_queue(hwsim_block(), 0)};
    if (leader) offer_rows(&j);
    share_work(&j, leader);
    hwsim_barrier(HWSIM_BLOCK);
    write_back(&g, &p, w, thread, threads);
  }
}
