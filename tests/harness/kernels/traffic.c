/* Every part of the machine at once: loads, stores, atomics, caches, DMA in all its kinds, queues, collectives, over all blocks. */
#include "hwsim_thread.h"

static int64_t next(int64_t *state) {
  *state = *state * 6364136223846793005l + 1442695040888963407l;
  return (int64_t)((uint64_t)*state >> 33);
}

/* `shared`: 256 words; `out`: 64 words a thread */
void kernel(int64_t *shared, int64_t *out, int64_t seed, int64_t rounds) {
  int64_t me = hwsim_thread(), r = seed * 977 + me * 131 + 7, total = 0;
  int64_t *mine = out + me * 64, *pad = hwsim_scratchpad_of((me + seed) % hwsim_blocks(), hwsim_stack_bytes());
  int64_t index[4];
  for (int64_t i = 0; i < rounds; i++) {
    int64_t a = next(&r) & 255;
    switch (next(&r) % 10) {
      case 0: total += shared[a] * 3 + (int32_t)shared[a ^ 1]; break;
      case 1: for (int64_t k = 0; k < 6; k++) total += *hwsim_cached(&shared[(a + k * 48) & 255]) / (a + 1); break;
      case 2: mine[i & 15] = total; total ^= hwsim_uncached(mine)[(i + 3) & 15]; break;
      case 3: __atomic_fetch_add(&pad[a & 31], a, __ATOMIC_SEQ_CST); break;
      case 4: total += hwsim_cas_i64(&pad[32 + (a & 31)], 0, a + 1); hwsim_add_i64(&pad[64], 1); break;
      case 5: hwsim_add_f64((double *)&pad[65 + (a & 7)], 1.0); total += (int64_t)(2.5 * (double)a / (double)(i + 1)); break;
      case 6: {
        for (int64_t k = 0; k < 4; k++) index[k] = next(&r) & 63;
        hwsim_dma d = {.count = 4, .run = 2, .dst = mine + 16, .dst_stride = 16, .src = shared, .src_stride = 16, .index = index};
        d.flags = a & 1 ? HWSIM_DMA_GATHER : a & 2 ? HWSIM_DMA_SCATTER | HWSIM_DMA_FILL : HWSIM_DMA_ADD;
        if (d.flags & HWSIM_DMA_SCATTER) d.dst = mine + 24, d.dst_stride = 8, d.run = 1, index[0] = index[1] = 3, index[2] = 5, index[3] = 1;
        hwsim_dma_start(&d);
        if (a & 4) hwsim_dma_wait(1);
        hwsim_dma_wait(0);
        total += mine[16];
        break;
      }
      case 7: {
        int64_t queue = hwsim_queue(0, a & 1); /* as many come out as go in, so everybody is served */
        hwsim_queue_push(queue, me);
        total += hwsim_queue_pop(queue);
        break;
      }
      case 8: {
        int64_t *c = hwsim_cached(mine + 40);
        for (int64_t k = 0; k < 8; k++) c[k] = total + k;
        hwsim_cache_flush(mine + 40, 64);
        hwsim_cache_invalidate(shared + (a & ~7), 64);
        hwsim_fence();
        break;
      }
      default: {
        int64_t queue = hwsim_queue(a % hwsim_blocks(), 3);
        total += a & 8 ? hwsim_queue_try_push(queue, me) : hwsim_queue_try_pop(queue);
        break;
      }
    }
  }
  hwsim_cache_flush_invalidate(mine, 512);
  mine[56] = hwsim_sum(total, HWSIM_BLOCK);
  hwsim_barrier(HWSIM_ALL);
  mine[57] = hwsim_max(me ^ seed, hwsim_is_stp() ? HWSIM_STP : HWSIM_MTP);
  mine[58] = hwsim_min(total, HWSIM_ALL);
  double f = hwsim_sum_f64(1.0 / (double)(me + 1), HWSIM_ALL);
  mine[59] = *(int64_t *)&f;
  mine[60] = hwsim_first(me + 100, HWSIM_BLOCK) + hwsim_or(1l << (me & 31), HWSIM_ALL);
}
