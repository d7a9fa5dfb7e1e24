/* PageRank by pulling: each round, what a vertex gives is divided by its weights, and every vertex adds up what it is given.
 * A block owns consecutive vertices, with the edges into them and their new ranks in its own DRAM; what they give lies over all blocks. */
#include "spmv.h"

typedef struct {
  rows_of in;                /* a vertex's edges into it, weighted */
  int64_t first, vertices;   /* of this block; of all */
  double damping, tolerance; /* ends where the ranks change by less than tolerance x vertices together */
  int64_t rounds_most;
  double *weights;           /* [vertices] over all blocks, 0 before: out of a vertex */
  double *gives;             /* [vertices] over all blocks */
  double *ranks;             /* [rows] */
  double *sums;              /* [rows] 0 before */
  int64_t *rounds;           /* 1 more than the rounds, negative, where it did not end */
} pagerank;

/* draws rows of the block, `each` at a time */
#define FOR_ROWS(r, next, each, rows) \
  for (int64_t r##_, r; (r##_ = __atomic_fetch_add(next, each, __ATOMIC_RELAXED)) < (rows);) \
    for (r = r##_; r < least(r##_ + (each), rows); r++)

void kernel(const pagerank *all) {
  pagerank p = all[hwsim_block()];
  int64_t *next = hwsim_scratchpad(hwsim_stack_bytes()), leader = hwsim_block_thread() == 0, rows = p.in.rows;
  if (leader) next[0] = next[1] = next[2] = next[3] = 0;
  hwsim_barrier(HWSIM_BLOCK);
  int64_t nonzeros = nonzeros_of(&p.in);
  const int64_t *columns = hwsim_cached(p.in.columns);
  const double *values = hwsim_cached(p.in.values);
  FOR_ROWS(k, next + 3, 64, nonzeros) hwsim_add_f64(p.weights + columns[k], values[k]);
  FOR_ROWS(r, next, 8, rows) p.ranks[r] = 1.0 / p.vertices;
  hwsim_barrier(HWSIM_ALL);
  int64_t round = 1;
  for (; round <= p.rounds_most; round++) {
    if (leader) next[0] = 0;
    double lost = 0, change = 0;
    FOR_ROWS(r, next + 1, 8, rows) {
      double weight = p.weights[p.first + r], rank = p.ranks[r];
      p.gives[p.first + r] = weight == 0 ? 0 : rank / weight;
      if (weight == 0) lost += rank;
    }
    lost = hwsim_sum_f64(lost, HWSIM_ALL);
    hwsim_barrier(HWSIM_ALL);
    if (leader) next[1] = 0;
    multiply(&p.in, p.gives, p.sums, next);
    hwsim_barrier(HWSIM_BLOCK);
    double base = (1 - p.damping + p.damping * lost) / p.vertices;
    FOR_ROWS(r, next + 2, 8, rows) {
      double rank = base + p.damping * p.sums[r], by = rank - p.ranks[r];
      p.ranks[r] = rank;
      p.sums[r] = 0;
      change += by < 0 ? -by : by;
    }
    change = hwsim_sum_f64(change, HWSIM_ALL);
    hwsim_barrier(HWSIM_ALL);
    if (leader) next[2] = 0;
    hwsim_barrier(HWSIM_BLOCK);
    if (change < p.tolerance * p.vertices) break;
  }
  if (hwsim_thread() == 0) *p.rounds = round > p.rounds_most ? -round : round;
}
