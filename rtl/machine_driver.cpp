// Runs rtl/probes.py beside an ideal memory: a stretch of cycles a call. TRACE, COUNTS and PEEK are 32-bit words of o_trace, o_counts and
// o_peek; BEAT is bytes. A read that is asked in a cycle is answered `latency` + 1 cycles later.
#include "gates.h"
#include <cstring>
#include <vector>

struct machine {
  gates g;
  std::vector<uint8_t> memory, answers;
  std::vector<char> valid;
  uint64_t now = 0;

  machine(const uint8_t *bytes, uint64_t size, uint64_t latency, uint64_t base, uint64_t words)
      : memory(bytes, bytes + size), answers((latency + 1) * BEAT), valid(latency + 1) {
    set(g.i_base(), base);
    set(g.i_words(), words);
  }

  // the inputs of this cycle and what follows from them
  void settle() {
    uint64_t slot = now % valid.size();
    set(g.i_valid(), valid[slot]);
    if (valid[slot]) {
      uint32_t beat[(BEAT + 3) / 4 + 1] = {};
      std::memcpy(beat, &answers[slot * BEAT], BEAT);
      put(g.i_data(), beat);
    }
    g.settle();
  }

  // serves the request of this cycle, then the clock edge
  void edge() {
    uint64_t slot = now % valid.size(), at = get(g.o_address());
    bool asked = get(g.o_valid()), write = get(g.o_write()), inside = at + BEAT <= memory.size();
    valid[slot] = asked && !write;
    if (asked && !write) {
      if (inside) std::memcpy(&answers[slot * BEAT], &memory[at], BEAT);
      else std::memset(&answers[slot * BEAT], 0, BEAT);
    } else if (asked && inside) {
      uint32_t data[(BEAT + 3) / 4 + 1] = {}, mask[(BEAT + 31) / 32 + 1] = {};
      take(g.o_data(), data);
      take(g.o_mask(), mask);
      for (int k = 0; k < BEAT; k++)
        if (mask[k / 32] >> (k % 32) & 1) memory[at + k] = ((uint8_t *)data)[k];
    }
    g.edge();
    now++;
  }
};

extern "C" {
machine *machine_new(const uint8_t *bytes, uint64_t size, uint64_t latency, uint64_t base, uint64_t words) {
  return new machine(bytes, size, latency, base, words);
}
void machine_free(machine *m) { delete m; }

// whether a cycle's trace differs from the model in a bit that it knows
static bool differs(const uint32_t *row, const uint32_t *model, const uint32_t *known) {
  uint32_t wrong = 0;
  for (int k = 0; k < TRACE; k++) wrong |= (row[k] ^ model[k]) & known[k];
  return wrong;
}

// Cycles run: `cycles`, or fewer when the machine has ended, or when the next cycle's trace differs from `model`, which may be null.
int64_t machine_run(machine *m, const uint32_t *model, const uint32_t *known, uint32_t *trace, int64_t cycles) {
  uint32_t row[TRACE + 1];
  for (int64_t k = 0; k < cycles; k++) {
    m->settle();
    if (trace) {
      take(m->g.o_trace(), row);
      std::memcpy(trace + k * TRACE, row, 4 * TRACE);
      if (model && differs(row, model + k * TRACE, known + k * TRACE)) return k;
    }
    if (!model && get(m->g.o_ended())) return k;
    m->edge();
  }
  return cycles;
}

void machine_memory(machine *m, uint8_t *out) { std::memcpy(out, m->memory.data(), m->memory.size()); }

void machine_counts(machine *m, uint32_t *out) { take(m->g.o_counts(), out); }

// [rows, PEEK] words of all storages on chip
void machine_peek(machine *m, uint32_t *out, int64_t rows) {
  uint32_t row[PEEK + 1];
  for (int64_t r = 0; r < rows; r++) {
    set(m->g.i_peek(), r);
    m->g.settle();
    take(m->g.o_peek(), row);
    std::memcpy(out + r * PEEK, row, 4 * PEEK);
  }
}
}
