/* C = A x B row by row (Gustavson), window by window: what the versions of SMASH share. Source: Shivdikar 2021, arXiv:2105.14156
 * (windows, atomic hashing into the scratchpad, write-back; tokenisation; fragmented memory). Layout and hash are our own.
 *
 * A block works on one window of rows at a time, as many as surely fit the hash table in its scratchpad; a row that does not fit
 * alone is done in several passes over B's columns.
 */
#ifndef WINDOW_H
#define WINDOW_H
#include "spgemm.h"

/* tag: (row in the window + 1) << 32 | column; 0 where the slot is free */
typedef struct { double value; int64_t tag; } slot;

/* `rows` rows from the block's `first` on, B's columns from `column` on, `span` of them; whole: all columns, else a pass over
 * one row, which found `ahead` entries in its passes before */
typedef struct { int64_t first, rows, column, span, whole, ahead; } window;

typedef struct {
  int64_t slots, rows_most;  /* powers of two */
  slot *table;               /* [slots] */
  int64_t *counts;           /* [rows_most] entries found in a row */
  window *now;
  uint32_t *list;            /* [slots] slots in use, row by row as in C: third version alone */
} pad;

#define SPARE 640            /* bytes ahead of the pads, for what a kernel keeps for its block */

HWSIM_INLINE int64_t pad_bytes(int64_t slots, int64_t listed) { return slots * (16 + 4 * listed) + slots / 32 * 8 + 64; }

/* Splits what the stacks leave of the scratchpad into `pads` of the largest table; gives number `i`. */
HWSIM_INLINE pad lay_pad(int64_t i, int64_t pads, int64_t listed) {
  int64_t free = hwsim_scratchpad_bytes() - hwsim_stack_bytes() - SPARE;
  pad p;
  p.slots = 64;
  while (pads * pad_bytes(2 * p.slots, listed) <= free) p.slots *= 2;
  p.rows_most = p.slots / 32;
  char *at = (char *)hwsim_scratchpad(hwsim_stack_bytes() + SPARE) + i * pad_bytes(p.slots, listed);
  p.table = (slot *)at;
  p.counts = (int64_t *)(p.table + p.slots);
  p.now = (window *)(p.counts + p.rows_most);
  p.list = (uint32_t *)(p.now + 1) + 4;
  return p;
}

/* All threads of the block share it. */
static void clear_pad(const pad *p, int64_t thread, int64_t threads) {
  for (int64_t i = thread; i < p->slots; i += threads) p->table[i].tag = 0, p->table[i].value = 0;
  for (int64_t i = thread; i < p->rows_most; i += threads) p->counts[i] = 0;
}

/* The window behind `was`, in which a row in passes found `found` entries; rows get their places in C. At the end: no rows. */
static window next_window(const spgemm *g, const pad *p, window was, int64_t found) {
  int64_t most = p->slots / 4 * 3, r = was.first + was.rows;
  if (was.rows && !was.whole) {
    g->c_counts[was.first] = was.ahead += found;
    was.column += was.span;
    was.span = least(most, g->columns - was.column);
    if (was.span > 0) return was;
    g->c_starts[r] = g->c_starts[was.first] + was.ahead;
  }
  window w = {r, 0, 0, g->columns, 1, 0};
  const int64_t *products = hwsim_cached(g->products);
  int64_t room = most, place = g->c_starts[r];
  for (; r < g->rows && w.rows < p->rows_most; w.rows++) {
    int64_t bound = least(products[r], g->columns);
    if (bound > room) break;
    room -= bound;
    place += bound;
    g->c_starts[++r] = place;
  }
  if (!w.rows && r < g->rows) w.rows = 1, w.span = most, w.whole = 0;
  return w;
}

/* Where the search for an entry begins, in bytes: neighbours in a row far apart, so that full rows make no long runs of taken slots. */
#define COLUMN_STEP (25165843l * (int64_t)sizeof(slot))
#define ROW_STEP (40503l * (int64_t)sizeof(slot))

/* What a thread keeps in registers while it hashes products of one row. */
typedef struct {
  char *table;
  int64_t mask, ahead, tag;  /* of bytes; what the row adds to the place; to the tag */
} place;

HWSIM_INLINE place row_place(const pad *p, int64_t row) {
  return (place){(char *)p->table, (p->slots - 1) * (int64_t)sizeof(slot), row * ROW_STEP, (row + 1) << 32};
}

/* Adds `x` to the entry of a column; gives its slot where it is new, else NULL. */
HWSIM_INLINE slot *add_entry(place at, int64_t column, double x) {
  int64_t tag = at.tag + column, where = (at.ahead + column * COLUMN_STEP) & at.mask;
  slot *s = (slot *)(at.table + where), *found = 0;
  int64_t seen = s->tag;
  while (__builtin_expect(seen != tag, 0)) {
    if (!seen) {
      slot *here = s;
      __asm__("" : "+r"(here)); /* its address is worth no instruction where the entry is there already */
      seen = hwsim_cas_i64(&here->tag, 0, tag);
      if (seen) continue;
      found = s;
      break;
    }
    where = (where + (int64_t)sizeof(slot)) & at.mask;
    s = (slot *)(at.table + where);
    seen = s->tag;
  }
  hwsim_add_f64(&s->value, x);
  return found;
}

/* Slots of the table, which all threads of the block share, go to C; the table is left clear. The rows' counts end as c_counts. */
static void write_back(const spgemm *g, const pad *p, window w, int64_t thread, int64_t threads) {
  for (int64_t i = thread; i < p->slots; i += threads) {
    int64_t tag = p->table[i].tag;
    if (!tag) continue;
    int64_t row = (tag >> 32) - 1;
    int64_t place = g->c_starts[w.first + row] + w.ahead + __atomic_fetch_add(&p->counts[row], 1, __ATOMIC_RELAXED);
    g->c_columns[place] = tag & 0xffffffff;
    g->c_values[place] = p->table[i].value;
    p->table[i].tag = 0;
    p->table[i].value = 0;
  }
}

/* Products of all rows of the block, drawn one by one; the table is clear behind it. */
static void begin(const spgemm *g, const pad *p, int64_t thread, int64_t threads) {
  int64_t *next = hwsim_scratchpad(hwsim_stack_bytes());
  clear_pad(p, thread, threads);
  if (thread == 0) *next = 0;
  hwsim_barrier(HWSIM_BLOCK);
  for (int64_t r; (r = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED)) < g->rows;) count_products(g, r);
  hwsim_barrier(HWSIM_BLOCK);
}

/* What comes behind a window's write-back: the counts of its rows go to C and begin anew. */
static void close_rows(const spgemm *g, const pad *p, window w, int64_t thread, int64_t threads) {
  for (int64_t row = thread; w.whole && row < w.rows; row += threads) {
    g->c_counts[w.first + row] = p->counts[row];
    p->counts[row] = 0;
  }
}

/* Of versions 1 and 2, whose one table is written back whole: the window behind `w`, the same for all threads of the block; at the
 * end one of no rows. */
HWSIM_INLINE window turn_window(const spgemm *g, const pad *p, window w, int64_t thread, int64_t threads, int64_t leader) {
  hwsim_barrier(HWSIM_BLOCK);
  if (leader) {
    *p->now = next_window(g, p, w, p->counts[0]);
    if (!w.whole) p->counts[0] = 0;
  }
  close_rows(g, p, w, thread, threads);
  hwsim_barrier(HWSIM_BLOCK);
  return *p->now;
}
#endif
