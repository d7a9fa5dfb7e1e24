/* C = A x B by outer products: each column of A meets the row of B of the same number; all products go to memory, sorted by row
 * of C alone, and a second phase sorts and adds up each row. Source of the two phases: Pal et al. 2018, HPCA, OuterSPACE. */
#include "spgemm.h"

typedef struct { int64_t column; double value; } product;

typedef struct {
  spgemm g;                  /* C's places hold all products of a row */
  rows_of turned;            /* the block's rows of A by columns */
  product *products;
  product *merged;           /* as many */
} outer;

#define SHARE 4l                 /* non-zeros of A that a thread draws at once */

/* Non-zeros i..last of A by columns: each meets a row of B. */
static void multiply(const outer *o, int64_t i, int64_t last) {
  const spgemm *g = &o->g;
  const int64_t *t_starts = hwsim_cached(o->turned.starts), *columns = hwsim_cached(g->b_columns);
  const double *values = hwsim_cached(g->b_values);
  for (int64_t k = row_with(&o->turned, i); i < last; i++) {
    while (t_starts[k + 1] <= i) k++;
    int64_t first = g->b_starts[k], count = g->b_starts[k + 1] - first, r = o->turned.columns[i];
    double a = o->turned.values[i];
    product *to = o->products + g->c_starts[r] + __atomic_fetch_add(&g->c_counts[r], count, __ATOMIC_RELAXED);
    for (int64_t j = first; j < first + count; j++, to++) to->column = columns[j], to->value = a * values[j];
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

/* Merges two sorted runs that lie one behind the other. */
static product *merge_two(const product *a, const product *middle, const product *end, product *to) {
  const product *b = middle;
  product x = *a, y = *b;
  for (;;) {
    if (x.column <= y.column) {
      *to++ = x;
      if (++a == middle) break;
      x = *a;
    } else {
      *to++ = y;
      if (++b == end) break;
      y = *b;
    }
  }
  while (a < middle) *to++ = *a++;
  while (b < end) *to++ = *b++;
  return to;
}

/* Merges runs in pairs, from one buffer into the other. */
static void merge_pass(const product *from, product *to, int64_t count) {
  for (int64_t i = 0; i < count;) {
    int64_t middle = run_end(from, i, count), end = middle < count ? run_end(from, middle, count) : middle;
    if (end > middle) to = merge_two(from + i, from + middle, from + end, to);
    else for (; i < end; i++) *to++ = from[i];
    i = end;
  }
}

/* What was written there is read through the cache from here on. */
HWSIM_INLINE const product *written(const product *p, int64_t count) {
  hwsim_fence();
  hwsim_cache_invalidate(p, count * (int64_t)sizeof(product));
  return hwsim_cached(p);
}

static void merge(const outer *o, int64_t r) {
  const spgemm *g = &o->g;
  int64_t place = g->c_starts[r], count = g->c_counts[r], begin = place, column = -1;
  product *here = o->products + place, *there = o->merged + place;
  const product *from = written(here, count);
  while (count && run_end(from, 0, count) < count) {
    merge_pass(from, there, count);
    from = written(there, count);
    product *other = here;
    here = there, there = other;
  }
  double sum = 0;
  for (int64_t i = 0; i < count; i++) {
    product p = from[i];
    sum = p.column == column ? sum + p.value : p.value;
    place += p.column != column;
    column = p.column;
    g->c_columns[place - 1] = column;
    g->c_values[place - 1] = sum;
  }
  g->c_counts[r] = place - begin;
}

void kernel(const outer *all) {
  outer o = all[hwsim_block()];
  int64_t *next = hwsim_scratchpad(hwsim_stack_bytes()), nonzeros = nonzeros_of(&o.turned);
  if (hwsim_block_thread() == 0) next[0] = next[1] = 0;
  place_rows(&o.g, INT64_MAX, hwsim_block_thread(), hwsim_block_threads());
  for (int64_t i; (i = __atomic_fetch_add(next, SHARE, __ATOMIC_RELAXED)) < nonzeros;) multiply(&o, i, least(i + SHARE, nonzeros));
  hwsim_barrier(HWSIM_BLOCK);
  for (int64_t r; (r = __atomic_fetch_add(next + 1, 1, __ATOMIC_RELAXED)) < o.g.rows;) merge(&o, r);
}
