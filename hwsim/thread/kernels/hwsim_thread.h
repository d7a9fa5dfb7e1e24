/* Kernels of the thread machine: what C does not say by itself. The instructions: docs/isa_thread.md.
 *
 *   #include "hwsim_thread.h"
 *   void kernel(int64_t a, int64_t b) { ... }      every thread runs it once, with the arguments of the run
 *
 * Ordinary loads and stores of a pointer are uncached accesses of 8 bytes or less; hwsim_cached(pointer) goes through
 * the pipeline's own cache, which nobody keeps coherent. Loads do not wait, the first use of their result does; stores
 * are posted; hwsim_fence() waits for both. Integer atomics: __atomic_fetch_add and its kin, done at the memory.
 */
#ifndef HWSIM_THREAD_H
#define HWSIM_THREAD_H
#include <stdint.h>

#define HWSIM_INLINE static inline __attribute__((always_inline))

/* ---- start: calls kernel() with the arguments in a0..a7, then ends the thread ---- */
#ifndef HWSIM_NO_START
__attribute__((naked, noreturn, used, section(".text.start"))) void _start(void) {
  __asm__ volatile("call kernel\n li a0, 0\n .insn r 0x0b, 0, 0x00, x0, a0, x0");
}
#endif

/* ---- what compilers call for copies of structures ---- */
#define HWSIM_LIBRARY(name) __attribute__((weak, no_builtin(#name), section(".text." #name)))
HWSIM_LIBRARY(memcpy) void *memcpy(void *to, const void *from, unsigned long bytes) {
  unsigned long words = ((uint64_t)to | (uint64_t)from) & 7 ? 0 : bytes / 8;
  for (unsigned long i = 0; i < words; i++) ((volatile int64_t *)to)[i] = ((const int64_t *)from)[i];
  for (unsigned long i = 8 * words; i < bytes; i++) ((volatile char *)to)[i] = ((const char *)from)[i];
  return to;
}
HWSIM_LIBRARY(memset) void *memset(void *to, int value, unsigned long bytes) {
  for (unsigned long i = 0; i < bytes; i++) ((volatile char *)to)[i] = value;
  return to;
}

/* ---- who am I ---- */
#define HWSIM_CSR(name, number) \
  HWSIM_INLINE int64_t name(void) { int64_t r; __asm__("csrr %0, " #number : "=r"(r)); return r; }
HWSIM_CSR(hwsim_thread, 0xf14)         /* number of this thread in the run: block * threads a block + number in the block */
HWSIM_CSR(hwsim_block, 0xfc0)          /* number of its block */
HWSIM_CSR(hwsim_blocks, 0xfc1)         /* blocks of the run */
HWSIM_CSR(hwsim_pipeline, 0xfc2)       /* number of its pipeline in the block; multi-threaded ones come first */
HWSIM_CSR(hwsim_lane, 0xfc3)           /* number of this thread in its pipeline */
HWSIM_CSR(hwsim_threads, 0xfc4)        /* threads of the run */
HWSIM_CSR(hwsim_block_threads, 0xfc5)  /* threads of a block */
HWSIM_CSR(hwsim_is_stp, 0xfc6)         /* 1 on a single-threaded pipeline */
HWSIM_CSR(hwsim_block_mtp_threads, 0xfc7) /* threads of a block on multi-threaded pipelines; they are numbered first */
HWSIM_INLINE int64_t hwsim_block_thread(void) { return hwsim_thread() - hwsim_block() * hwsim_block_threads(); }
HWSIM_INLINE int64_t hwsim_cycle(void) { int64_t r; __asm__ volatile("csrr %0, 0xc00" : "=r"(r)); return r; }

/* ---- custom instructions ---- */
#define HWSIM_OP3(f7, d, s1, s2) \
  __asm__ volatile(".insn r 0x0b, 0, " #f7 ", %0, %1, %2" : "=r"(d) : "r"(s1), "r"(s2) : "memory")
#define HWSIM_OP2(f7, s1, s2) __asm__ volatile(".insn r 0x0b, 0, " #f7 ", x0, %0, %1" ::"r"(s1), "r"(s2) : "memory")

/* Ends the thread. A code other than 0 ends the run with an error. */
HWSIM_INLINE __attribute__((noreturn)) void hwsim_exit(int64_t code) { HWSIM_OP2(0x00, code, 0l); __builtin_unreachable(); }

/* ---- memory: windows of the address space ---- */
#define HWSIM_CACHED 0x4000000000000000l
/* the same bytes through the pipeline's cache */
#define hwsim_cached(p) ((__typeof__(p))((uint64_t)(p) | HWSIM_CACHED))
#define hwsim_uncached(p) ((__typeof__(p))((uint64_t)(p) & ~HWSIM_CACHED))
/* byte `offset` of a block's DRAM / scratchpad */
HWSIM_INLINE void *hwsim_dram_of(int64_t block, int64_t offset) { return (void *)(0x0100000000000000l | block << 40 | offset); }
HWSIM_INLINE void *hwsim_scratchpad_of(int64_t block, int64_t offset) { return (void *)(0x0200000000000000l | block << 40 | offset); }
/* this block's scratchpad; the first hwsim_stack_bytes() bytes hold its stacks */
HWSIM_INLINE void *hwsim_scratchpad(int64_t offset) { return hwsim_scratchpad_of(hwsim_block(), offset); }
HWSIM_CSR(hwsim_stack_bytes, 0xfc8)
HWSIM_CSR(hwsim_scratchpad_bytes, 0xfc9)

/* waits until all accesses of this thread are done (not its DMA commands: hwsim_dma_wait) */
HWSIM_INLINE void hwsim_fence(void) { __asm__ volatile("fence" ::: "memory"); }
/* lines of [p, p + bytes) in this pipeline's cache: write back, keep | drop, written or not | write back and drop */
HWSIM_INLINE void hwsim_cache_flush(const void *p, int64_t bytes) { HWSIM_OP2(0x28, p, bytes); }
HWSIM_INLINE void hwsim_cache_invalidate(const void *p, int64_t bytes) { HWSIM_OP2(0x29, p, bytes); }
HWSIM_INLINE void hwsim_cache_flush_invalidate(const void *p, int64_t bytes) { HWSIM_OP2(0x2a, p, bytes); }

/* ---- atomics at the home memory, beyond those of C ---- */
HWSIM_INLINE double hwsim_fetch_add_f64(double *p, double v) { double r; HWSIM_OP3(0x20, r, p, v); return r; }
HWSIM_INLINE float hwsim_fetch_add_f32(float *p, float v) { float r; HWSIM_OP3(0x21, r, p, v); return r; }
HWSIM_INLINE double hwsim_fetch_min_f64(double *p, double v) { double r; HWSIM_OP3(0x22, r, p, v); return r; }
HWSIM_INLINE double hwsim_fetch_max_f64(double *p, double v) { double r; HWSIM_OP3(0x23, r, p, v); return r; }
/* posted: nobody waits for the old value */
HWSIM_INLINE void hwsim_add_f64(double *p, double v) { HWSIM_OP2(0x20, p, v); }
HWSIM_INLINE void hwsim_add_f32(float *p, float v) { HWSIM_OP2(0x21, p, v); }
HWSIM_INLINE void hwsim_add_i64(int64_t *p, int64_t v) { __asm__ volatile("amoadd.d x0, %1, (%0)" ::"r"(p), "r"(v) : "memory"); }
/* stores `to` if the memory holds `from`; gives what it held */
HWSIM_INLINE int64_t hwsim_cas_i64(int64_t *p, int64_t from, int64_t to) {
  __asm__ volatile(".insn r 0x0b, 0, 0x24, %0, %1, %2" : "+r"(from) : "r"(p), "r"(to) : "memory");
  return from;
}
HWSIM_INLINE int32_t hwsim_cas_i32(int32_t *p, int32_t from, int32_t to) {
  __asm__ volatile(".insn r 0x0b, 0, 0x25, %0, %1, %2" : "+r"(from) : "r"(p), "r"(to) : "memory");
  return from;
}

/* ---- DMA engine of this block ----
 * for k < count, for j < run:  dst + (scatter ? index[k] : k) * dst_stride + j * size   <=   src likewise (gather)
 * The descriptor must stay as it is until the command is done; it lies in this block's scratchpad (a stack does) or DRAM.
 */
#define HWSIM_DMA_GATHER 0x1   /* the source step is index[k] */
#define HWSIM_DMA_SCATTER 0x2  /* the destination step is index[k] */
#define HWSIM_DMA_FILL 0x4     /* the source is the value in `src`, not an address */
#define HWSIM_DMA_INDEX32 0x8  /* indices are 4 bytes, unsigned; else 8 bytes */
#define HWSIM_DMA_ADD 0x10     /* add integers at the destination's memory instead of writing */
#define HWSIM_DMA_ADD_FLOAT 0x20
#define HWSIM_DMA_SIZE4 0x100  /* elements of 4 bytes; else 8 */
typedef struct {
  int64_t flags, count, run;
  void *dst;
  int64_t dst_stride;      /* bytes */
  const void *src;
  int64_t src_stride;      /* bytes */
  const void *index;
} __attribute__((aligned(8))) hwsim_dma;
/* waits while the engine's queue is full; the descriptor's own stores are fenced first */
HWSIM_INLINE void hwsim_dma_start(const hwsim_dma *d) { hwsim_fence(); HWSIM_OP2(0x08, d, 0l); }
/* waits until at most `left` commands of this thread are unfinished; they finish in order */
HWSIM_INLINE void hwsim_dma_wait(int64_t left) { HWSIM_OP2(0x09, left, 0l); }

/* ---- queue engine: `queue` = block << 8 | number; tokens are 64 bits, first in first out ---- */
HWSIM_INLINE int64_t hwsim_queue(int64_t block, int64_t number) { return block << 8 | number; }
HWSIM_INLINE void hwsim_queue_push(int64_t queue, int64_t token) { HWSIM_OP2(0x10, queue, token); }           /* waits while it is full */
HWSIM_INLINE int64_t hwsim_queue_pop(int64_t queue) { int64_t r; HWSIM_OP3(0x11, r, queue, 0l); return r; }  /* waits while it is empty */
HWSIM_INLINE int64_t hwsim_queue_try_push(int64_t queue, int64_t token) { int64_t r; HWSIM_OP3(0x12, r, queue, token); return r; } /* 1: taken */
HWSIM_INLINE int64_t hwsim_queue_try_pop(int64_t queue) { int64_t r; HWSIM_OP3(0x13, r, queue, 0l); return r; }  /* -1: empty */

/* ---- collective engine: all threads of a scope take part, in the same order of calls ---- */
#define HWSIM_ALL 0l     /* of the run */
#define HWSIM_BLOCK 1l   /* of this block */
#define HWSIM_MTP 2l     /* of this block's multi-threaded pipelines */
#define HWSIM_STP 3l     /* of this block's single-threaded pipelines */
/* every thread's accesses before the barrier are done behind it */
HWSIM_INLINE void hwsim_barrier(int64_t scope) { hwsim_fence(); HWSIM_OP2(0x18, 0l, scope); }
HWSIM_INLINE int64_t hwsim_sum(int64_t v, int64_t scope) { int64_t r; HWSIM_OP3(0x19, r, v, scope); return r; }
HWSIM_INLINE int64_t hwsim_min(int64_t v, int64_t scope) { int64_t r; HWSIM_OP3(0x1a, r, v, scope); return r; }
HWSIM_INLINE int64_t hwsim_max(int64_t v, int64_t scope) { int64_t r; HWSIM_OP3(0x1b, r, v, scope); return r; }
HWSIM_INLINE int64_t hwsim_or(int64_t v, int64_t scope) { int64_t r; HWSIM_OP3(0x1c, r, v, scope); return r; }
/* sum in order of thread numbers inside a block, then of blocks */
HWSIM_INLINE double hwsim_sum_f64(double v, int64_t scope) { double r; HWSIM_OP3(0x1d, r, v, scope); return r; }
/* the value of the lowest-numbered thread */
HWSIM_INLINE int64_t hwsim_first(int64_t v, int64_t scope) { int64_t r; HWSIM_OP3(0x1e, r, v, scope); return r; }

#endif
