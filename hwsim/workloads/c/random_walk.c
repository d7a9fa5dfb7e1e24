/* Random walks: each walker goes to one of its vertex's neighbours, all equally likely, `steps` times, or until it finds none.
 * A walker's numbers are its own, from seed, walker and step alone (SplitMix64, Steele, Lea and Flood 2014, OOPSLA). */
#include "rows.h"

typedef struct {
  int64_t walkers, steps, vertices, seed;
  const int64_t *starts, *columns; /* over all blocks */
  int64_t *visits;                 /* [vertices] 0 before */
  int64_t *paths;                  /* [walkers][steps + 1], -1 before */
} walk;

HWSIM_INLINE uint64_t mixed(uint64_t z) {
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

void kernel(const walk *given) {
  walk w = *given;
  for (int64_t walker = hwsim_thread(); walker < w.walkers; walker += hwsim_threads()) {
    int64_t at = walker % w.vertices, *path = w.paths + walker * (w.steps + 1);
    uint64_t state = mixed((uint64_t)w.seed * 0x9e3779b97f4a7c15u + walker);
    for (int64_t step = 0;; step++) {
      path[step] = at;
      hwsim_add_i64(w.visits + at, 1);
      int64_t first = w.starts[at], edges = w.starts[at + 1] - first;
      if (step == w.steps || !edges) break;
      state += 0x9e3779b97f4a7c15u;
      at = w.columns[first + (int64_t)((unsigned __int128)mixed(state) * (uint64_t)edges >> 64)];
    }
  }
}
