/* C = A x B: what all versions share. A block owns consecutive rows of A, in its own DRAM, and the part of C that belongs to them.
 * A row's entries of C lie in any order, and behind them room that its bound asked for too much.
 */
#ifndef SPGEMM_H
#define SPGEMM_H
#include "rows.h"

typedef struct {
  int64_t rows;              /* of A in this block */
  const int64_t *a_starts;   /* [rows + 1], into a_columns */
  const int64_t *a_columns;
  const double *a_values;
  int64_t columns;           /* of B */
  const int64_t *b_starts;
  const int64_t *b_columns;
  const double *b_values;
  int64_t *products;         /* [rows] */
  int64_t *c_starts;         /* [rows + 1] where a row begins in c_columns */
  int64_t *c_counts;         /* [rows] */
  int64_t *c_columns;
  double *c_values;
} spgemm;

static void count_products(const spgemm *g, int64_t r) {
  const int64_t *starts = hwsim_cached(g->a_starts), *columns = hwsim_cached(g->a_columns);
  const int64_t *of_b = hwsim_cached(g->b_starts);
  int64_t products = 0;
  for (int64_t k = starts[r]; k < starts[r + 1]; k++) products += of_b[columns[k] + 1] - of_b[columns[k]];
  g->products[r] = products;
}

/* Rows get their places in C for all their products (or for all columns, where those are fewer); the whole block calls it. */
static void place_rows(const spgemm *g, int64_t most, int64_t thread, int64_t threads) {
  for (int64_t r = thread; r < g->rows; r += threads) count_products(g, r);
  hwsim_barrier(HWSIM_BLOCK);
  int64_t place = 0;
  for (int64_t r = 0; thread == threads - 1 && r < g->rows; r++) {
    g->c_starts[r] = place;
    place += least(g->products[r], most);
  }
  hwsim_barrier(HWSIM_BLOCK);
}
#endif
