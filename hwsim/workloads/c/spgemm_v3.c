/* SMASH, version 3: two tables take turns. While the threads hash a window into one, the DMA engine gathers the values of the
 * window before, and its columns, out of the other, straight to their places in C, and clears it; the list of its slots, fragment by
 * fragment as rows lie in C, was kept while hashing. Products are read four ahead. */
#include "tokens.h"

#define HOLE 24                 /* entries that a gather rather moves for nothing than to begin anew */

/* a row's entries so far, and where their slots go */
typedef struct { place at; int64_t *count; uint32_t *list; } row_at;

HWSIM_INLINE void put(const row_at *r, int64_t column, double x) {
  slot *found = add_entry(r->at, column, x);
  if (!found) return;
  r->list[__atomic_fetch_add(r->count, 1, __ATOMIC_RELAXED)] = found - (slot *)r->at.table;
}

/* products i..end of one non-zero, all columns wanted */
HWSIM_INLINE void put_whole(const row_at *r, const int64_t *columns, const double *values, int64_t i, int64_t end, double a) {
  for (; i + 4 <= end; i += 4) {
    int64_t c0 = columns[i], c1 = columns[i + 1], c2 = columns[i + 2], c3 = columns[i + 3];
    double v0 = values[i], v1 = values[i + 1], v2 = values[i + 2], v3 = values[i + 3];
    put(r, c0, a * v0);
    put(r, c1, a * v1);
    put(r, c2, a * v2);
    put(r, c3, a * v3);
  }
  for (; i < end; i++) put(r, columns[i], a * values[i]);
}

static void work(const job *j, int64_t t) {
  const spgemm *g = j->g;
  window w = j->w;
  int64_t row = ROW(t), offset = g->c_starts[w.first + row] - g->c_starts[w.first];
  row_at r = {row_place(j->p, row), j->p->counts + row, j->p->list + offset};
  int64_t k = FIRST(t), last = k + NONZEROS(t);
  int64_t c = g->a_columns[k], i = g->b_starts[c], end = g->b_starts[c + 1];
  double a = g->a_values[k];
  if (PIECE_OF(t) != ALL_PIECES) {
    i += PIECE_OF(t) * PIECE;
    end = least(end, i + PIECE);
  }
  for (; k < last; k++) {
    int64_t next = k + 1 < last ? k + 1 : k, next_c = g->a_columns[next];
    double next_a = g->a_values[next];
    int64_t next_i = g->b_starts[next_c], next_end = g->b_starts[next_c + 1];
    if (w.whole) put_whole(&r, g->b_columns, g->b_values, i, end, a);
    else
      for (; i < end; i++)
        if ((uint64_t)(g->b_columns[i] - w.column) < (uint64_t)w.span) put(&r, g->b_columns[i], a * g->b_values[i]);
    i = next_i, end = next_end, a = next_a;
  }
}

#define DESCRIPTORS 8

enum { VALUES, COLUMNS, CLEAR, STEPS };

/* Starts a step for `from`..`to` of the window's entries: values or columns go to C (rows one behind the other, small holes too),
 * or slots get free. The lower half of a tag is the column; C's columns are 0 before. */
static void start(const job *j, int64_t number, int64_t from, int64_t to, int64_t step) {
  const pad *p = j->p;
  hwsim_dma *d = (hwsim_dma *)hwsim_scratchpad(hwsim_stack_bytes() + 128) + number % DESCRIPTORS;
  int64_t at = j->g->c_starts[j->w.first] + j->w.ahead + from, gather = HWSIM_DMA_GATHER | HWSIM_DMA_INDEX32;
  hwsim_dma_wait(DESCRIPTORS - 1);
  *d = (hwsim_dma){gather, to - from, 1, j->g->c_values + at, 8, &p->table->value, sizeof(slot), p->list + from};
  if (step == COLUMNS) d->flags |= HWSIM_DMA_SIZE4, d->dst = j->g->c_columns + at, d->src = &p->table->tag;
  if (step == CLEAR) *d = (hwsim_dma){HWSIM_DMA_FILL | HWSIM_DMA_SCATTER | HWSIM_DMA_INDEX32, to - from, 2, p->table, sizeof(slot), 0, 0, p->list + from};
  hwsim_dma_start(d);
}

/* Walks over the rows of a window and starts a command where a hole is too large to be moved with the rest. Gives the number of
 * the next command. */
static int64_t drain(const job *j, int64_t number, int64_t step) {
  const int64_t *starts = j->g->c_starts + j->w.first;
  int64_t from = 0, to = 0, base = starts[0];
  for (int64_t row = 0; row < j->w.rows; row++) {
    int64_t at = starts[row] - base, count = j->p->counts[row];
    if (at - to > HOLE) {
      if (to > from) start(j, number++, from, to, step);
      from = at;
    }
    to = at + count;
    if (step != CLEAR) continue;
    if (j->w.whole) j->g->c_counts[j->w.first + row] = count;
    j->p->counts[row] = 0;
  }
  if (to > from) start(j, number++, from, to, step);
  return number;
}

void kernel(const spgemm *all) {
  spgemm g = all[hwsim_block()];
  int64_t thread = hwsim_block_thread(), threads = hwsim_block_threads(), maker = thread == threads - 1;
  int64_t commands = 0, drainer = thread == (threads > 1 ? threads - 2 : 0);
  pad pads[2] = {lay_pad(0, 2, 1), lay_pad(1, 2, 1)};
  for (int64_t i = thread; i < pads[0].slots; i += threads) pads[0].list[i] = pads[1].list[i] = 0;
  clear_pad(&pads[1], thread, threads);
  begin(&g, &pads[0], thread, threads);
  window w = {0, 0, 0, 0, 1, 0};
  if (maker) *pads[0].now = next_window(&g, &pads[0], w, 0);
  for (int64_t n = 0;; n++) {
    pad *p = &pads[n & 1], *other = &pads[1 - (n & 1)];
    job before = {&g, other, w, 0};
    hwsim_barrier(HWSIM_BLOCK);
    w = *p->now;
    if (drainer && before.w.rows) {
      for (int64_t step = VALUES; step < STEPS; step++) commands = drain(&before, commands, step);
      hwsim_dma_wait(0);
    }
    if (!w.rows) return;
    job j = {&g, p, w, hwsim_queue(hwsim_block(), 0)};
    if (maker) offer_rows(&j);
    if (maker && w.whole) *other->now = next_window(&g, p, w, 0);
    share_work(&j, maker);
    hwsim_barrier(HWSIM_BLOCK);
    if (maker && !w.whole) *other->now = next_window(&g, p, w, p->counts[0]);
  }
}
