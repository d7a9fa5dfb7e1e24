/* Tokens of work for the versions 2 and 3 of SMASH: up to 255 non-zeros of one row of A, or one piece of a long row of B. */
#ifndef TOKENS_H
#define TOKENS_H
#include "window.h"

#define PIECE 128l              /* products of a token, about */
#define HEAVY (2 * PIECE)       /* products of a row whose tokens are weighed one by one */
#define END (-1l)

/* row 12 bits, non-zeros 8, piece 13 (all of B's row: 0x1fff), first non-zero 30 */
#define ALL_PIECES 0x1fffl
#define ROW(t) ((t) >> 51)
#define NONZEROS(t) ((t) >> 43 & 0xff)
#define PIECE_OF(t) ((t) >> 30 & 0x1fff)
#define FIRST(t) ((t) & 0x3fffffff)

HWSIM_INLINE int64_t token(int64_t row, int64_t nonzeros, int64_t piece, int64_t first) {
  return row << 51 | nonzeros << 43 | piece << 30 | first;
}

typedef struct { const spgemm *g; const pad *p; window w; int64_t queue; } job;

static void work(const job *j, int64_t token);

/* Gives a token to whoever is free, or works on it itself. */
HWSIM_INLINE void offer(const job *j, int64_t token) {
  if (!hwsim_queue_try_push(j->queue, token)) work(j, token);
}

/* A row with many products: light non-zeros together up to PIECE products, heavy ones in pieces. */
static void offer_heavy(const job *j, int64_t row, int64_t k, int64_t end) {
  const int64_t *columns = hwsim_cached(j->g->a_columns), *starts = hwsim_cached(j->g->b_starts);
  int64_t first = k, sum = 0;
  for (; k < end; k++) {
    int64_t products = starts[columns[k] + 1] - starts[columns[k]];
    if (first < k && (sum + products > PIECE || k - first == 255)) {
      offer(j, token(row, k - first, ALL_PIECES, first));
      first = k, sum = 0;
    }
    sum += products;
    if (products <= PIECE) continue;
    for (int64_t piece = 0; piece * PIECE < products; piece++) offer(j, token(row, 1, piece, k));
    first = k + 1, sum = 0;
  }
  if (first < k) offer(j, token(row, k - first, ALL_PIECES, first));
}

static void offer_rows(const job *j) {
  const int64_t *starts = hwsim_cached(j->g->a_starts), *products = hwsim_cached(j->g->products);
  for (int64_t row = 0; row < j->w.rows; row++) {
    int64_t k = starts[j->w.first + row], end = starts[j->w.first + row + 1];
    if (products[j->w.first + row] > HEAVY) {
      offer_heavy(j, row, k, end);
      continue;
    }
    for (; k < end; k += 255) offer(j, token(row, least(255, end - k), ALL_PIECES, k));
  }
}

/* The thread that made all tokens of a window helps while there are any; each other one works until it gets its END. */
static void share_work(const job *j, int64_t maker) {
  int64_t t;
  if (!maker) {
    while ((t = hwsim_queue_pop(j->queue)) != END) work(j, t);
    return;
  }
  while ((t = hwsim_queue_try_pop(j->queue)) != -1) work(j, t);
  for (int64_t i = 1; i < hwsim_block_threads(); i++) hwsim_queue_push(j->queue, END);
}
#endif
