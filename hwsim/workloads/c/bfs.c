/* Breadth-first search, level by level over all blocks: from the frontier outwards (push), or from the vertices not yet reached
 * backwards (pull), whichever looks cheaper. Source of the switch and its two constants: Beamer, Asanovic and Patterson 2012, SC.
 * Graph, levels and queues lie over all blocks. A vertex with many edges stands in the queue once for each PIECE of them. */
#include "rows.h"

#define ALPHA 14
#define BETA 24
#define PIECE 128l
#define HELD 16
#define DRAW 32l

typedef struct {
  int64_t vertices, edges, root;
  const int64_t *starts, *columns;       /* out of a vertex */
  const int64_t *back_starts, *back_columns; /* into a vertex */
  int64_t *levels;                       /* -1 before */
  int64_t *queues[2];                    /* [vertices + edges / PIECE] vertex | piece << 32 */
  int64_t *counters;                     /* [8] 0: drawn, 1 and 2: entries of the queues, 3: levels pushed, 4: pulled */
} bfs;

typedef struct { int64_t held[HELD], count, *queue, *tail, edges, found; } batch;

static void flush(batch *b) {
  if (!b->count) return;
  int64_t place = __atomic_fetch_add(b->tail, b->count, __ATOMIC_RELAXED);
  for (int64_t i = 0; i < b->count; i++) b->queue[place + i] = b->held[i];
  b->count = 0;
}

static void add(const bfs *g, batch *b, int64_t vertex) {
  const int64_t *starts = hwsim_cached(g->starts);
  int64_t edges = starts[vertex + 1] - starts[vertex];
  b->edges += edges;
  b->found++;
  for (int64_t piece = 0; piece * PIECE < edges; piece++) {
    if (b->count == HELD) flush(b);
    b->held[b->count++] = vertex | piece << 32;
  }
}

HWSIM_INLINE void reach(const bfs *g, batch *b, int64_t vertex, int64_t seen, int64_t level) {
  if (seen < 0 && hwsim_cas_i64(g->levels + vertex, -1, level) < 0) add(g, b, vertex);
}

static void push(const bfs *g, batch *b, const int64_t *queue, int64_t entries, int64_t level) {
  const int64_t *starts = hwsim_cached(g->starts), *columns = hwsim_cached(g->columns);
  for (int64_t i; (i = __atomic_fetch_add(g->counters, 1, __ATOMIC_RELAXED)) < entries;) {
    int64_t from = queue[i], vertex = from & 0xffffffff, k = starts[vertex] + (from >> 32) * PIECE;
    int64_t end = least(k + PIECE, starts[vertex + 1]);
    for (; k + 4 <= end; k += 4) {
      int64_t c0 = columns[k], c1 = columns[k + 1], c2 = columns[k + 2], c3 = columns[k + 3];
      int64_t l0 = g->levels[c0], l1 = g->levels[c1], l2 = g->levels[c2], l3 = g->levels[c3];
      reach(g, b, c0, l0, level);
      reach(g, b, c1, l1, level);
      reach(g, b, c2, l2, level);
      reach(g, b, c3, l3, level);
    }
    for (; k < end; k++) reach(g, b, columns[k], g->levels[columns[k]], level);
  }
}

static void pull(const bfs *g, batch *b, int64_t level) {
  const int64_t *starts = hwsim_cached(g->back_starts), *columns = hwsim_cached(g->back_columns);
  for (int64_t v; (v = __atomic_fetch_add(g->counters, DRAW, __ATOMIC_RELAXED)) < g->vertices;) {
    for (int64_t last = least(v + DRAW, g->vertices); v < last; v++) {
      if (g->levels[v] >= 0) continue;
      for (int64_t k = starts[v]; k < starts[v + 1]; k++) {
        if (g->levels[columns[k]] != level - 1) continue;
        g->levels[v] = level;
        add(g, b, v);
        break;
      }
    }
  }
}

void kernel(const bfs *given) {
  bfs g = *given;
  int64_t first = hwsim_thread() == 0, pulled = 0, unseen = g.edges;
  batch b = {{0}, 0, g.queues[0], g.counters + 1, 0, 0};
  if (first) {
    g.levels[g.root] = 0;
    add(&g, &b, g.root);
    flush(&b);
  }
  for (int64_t level = 1;; level++) {
    hwsim_barrier(HWSIM_ALL);
    int64_t found = hwsim_sum(b.found, HWSIM_ALL), edges = hwsim_sum(b.edges, HWSIM_ALL);
    if (!found) return;
    unseen -= edges;
    if (!pulled) pulled = edges > unseen / ALPHA;
    else pulled = found >= g.vertices / BETA;
    int64_t from = (level + 1) & 1, to = level & 1, entries = g.counters[1 + from];
    if (first) {
      g.counters[0] = g.counters[1 + to] = 0;
      g.counters[3 + pulled]++;
    }
    hwsim_barrier(HWSIM_ALL);
    b.queue = g.queues[to], b.tail = g.counters + 1 + to, b.edges = b.found = 0;
    if (pulled) pull(&g, &b, level);
    else push(&g, &b, g.queues[from], entries, level);
    flush(&b);
  }
}
