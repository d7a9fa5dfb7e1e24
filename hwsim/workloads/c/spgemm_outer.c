/* C = A x B by outer products: each column of A meets the row of B of the same number; all products go to memory, sorted by row
 * of C alone, and a second phase sorts and adds up each row. Source of the two phases: Pal et al. 2018, HPCA, OuterSPACE. */
#include "spgemm.h"

typedef struct { int64_t column; double value; } product;

typedef struct {
  spgemm g;                  /* C's places hold all products of a row */
  int64_t inner;             /* columns of A */
  const int64_t *t_starts;   /* [inner + 1]: the block's rows of A by columns */
  const int64_t *t_rows;
  const double *t_values;
  product *products;
  product *merged;           /* as many */
} outer;

static void multiply(const outer *o, int64_t k) {
  const spgemm *g = &o->g;
  int64_t first = g->b_starts[k], count = g->b_starts[k + 1] - first;
  for (int64_t i = o->t_starts[k]; i < o->t_starts[k + 1]; i++) {
    int64_t r = o->t_rows[i];
    double a = o->t_values[i];
    product *to = o->products + g->c_starts[r] + __atomic_fetch_add(&g->c_counts[r], count, __ATOMIC_RELAXED);
    for (int64_t j = 0; j < count; j++) {
      to[j].column = g->b_columns[first + j];
      to[j].value = a * g->b_values[first + j];
    }
  }
}

/* where the sorted run that begins at i ends */
static int64_t run_end(const product *p, int64_t i, int64_t count) {
  int64_t at = p[i].column;
  while (++i < count) {
    int64_t next = p[i].column;
    if (next < at) break;
    at = next;
  }
  return i;
}

/* Merges runs in pairs, from one buffer into the other. */
static void merge_pass(const product *from, product *to, int64_t count) {
  int64_t i = 0;
  while (i < count) {
    int64_t middle = run_end(from, i, count), end = middle < count ? run_end(from, middle, count) : middle;
    int64_t a = i, b = middle;
    for (; i < end; i++) *to++ = b == end || (a < middle && from[a].column <= from[b].column) ? from[a++] : from[b++];
  }
}

static void merge(const outer *o, int64_t r) {
  const spgemm *g = &o->g;
  int64_t place = g->c_starts[r], count = g->c_counts[r], begin = place, last = -1;
  product *from = o->products + place, *to = o->merged + place;
  while (count && run_end(from, 0, count) < count) {
    merge_pass(from, to, count);
    product *other = from;
    from = to, to = other;
  }
  double sum = 0;
  for (int64_t i = 0; i < count; i++) {
    product p = from[i];
    sum = p.column == last ? sum + p.value : p.value;
    place += p.column != last;
    last = p.column;
    g->c_columns[place - 1] = last;
    g->c_values[place - 1] = sum;
  }
  g->c_counts[r] = place - begin;
}

void kernel(const outer *all) {
  outer o = all[hwsim_block()];
  int64_t *next = hwsim_scratchpad(hwsim_stack_bytes());
  if (hwsim_block_thread() == 0) next[0] = next[1] = 0;
  place_rows(&o.g, INT64_MAX, hwsim_block_thread(), hwsim_block_threads());
  for (int64_t k; (k = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED)) < o.inner;) multiply(&o, k);
  hwsim_barrier(HWSIM_BLOCK);
  for (int64_t r; (r = __atomic_fetch_add(next + 1, 1, __ATOMIC_RELAXED)) < o.g.rows;) merge(&o, r);
}
