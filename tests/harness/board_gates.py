"""A machine on a board, compiled, behind a pseudo terminal: what a host sees of real hardware."""

import contextlib
import ctypes
import os
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

DRIVER = """#include "gates.h"
struct board {
  gates g;
  long clocks_per_bit, wait, left, bit;
  unsigned bits;
};
extern "C" board *make(long clocks_per_bit) {
  board *b = new board();
  b->clocks_per_bit = clocks_per_bit;
  b->bit = -1;
  set(b->g.i_serial(), 1);
  b->g.settle();
  return b;
}
extern "C" void drop(board *b) { delete b; }
// sends `size` bytes, then runs `rest` clocks; gives how many bytes came back
extern "C" long run(board *b, const unsigned char *in, long size, long rest, unsigned char *out) {
  long came = 0, total = size * 10 * b->clocks_per_bit + rest;
  for (long n = 0; n < total; n++) {
    long at = n / b->clocks_per_bit, level = 1;
    if (at < size * 10) level = at % 10 == 0 ? 0 : at % 10 == 9 ? 1 : in[at / 10] >> (at % 10 - 1) & 1;
    set(b->g.i_serial(), level);
    b->g.settle();
    int line = get(b->g.o_serial()) & 1;
    if (b->bit < 0 && !line) b->bit = 0, b->left = b->clocks_per_bit / 2;
    if (b->bit >= 0 && b->left-- == 0) {
      b->left = b->clocks_per_bit - 1;
      if (b->bit > 0 && b->bit < 9) b->bits = b->bits >> 1 | line << 7;
      if (b->bit++ == 9) out[came++] = b->bits, b->bit = -1;
    }
    b->g.edge();
  }
  return came;
}
"""


class CompiledBoard:
    """`library`: of `System` or its netlist, made with DRIVER. Time runs only while bytes come or `stretch` clocks pass."""

    def __init__(self, library: Path | ctypes.CDLL, clocks_per_bit: int, stretch: int) -> None:
        self.calls = library if isinstance(library, ctypes.CDLL) else ctypes.CDLL(str(library))
        self.calls.make.restype = ctypes.c_void_p
        self.clocks_per_bit, self.stretch = clocks_per_bit, stretch
        self.board = ctypes.c_void_p(self.calls.make(ctypes.c_long(clocks_per_bit)))

    def step(self, data: bytes) -> bytes:
        """What the board sends while it gets `data` and for `stretch` clocks after."""
        clocks = len(data) * 10 * self.clocks_per_bit + self.stretch
        out = ctypes.create_string_buffer(clocks // (10 * self.clocks_per_bit) + 2)
        came = self.calls.run(self.board, data, ctypes.c_long(len(data)), ctypes.c_long(self.stretch), out)
        return out.raw[:came]

    def drop(self) -> None:
        self.calls.drop(self.board)


@contextlib.contextmanager
def terminal(board: CompiledBoard) -> Iterator[str]:
    """The name of a serial device at whose other end the board runs."""
    here, there = os.openpty()
    tty.setraw(there)
    os.set_blocking(here, False)
    ends = threading.Event()

    def serve() -> None:
        while not ends.is_set():
            try:
                data = os.read(here, 4096)
            except BlockingIOError:
                data = b""
            answer = board.step(data)
            if answer:
                os.write(here, answer)
            elif not data:
                ends.wait(0.0005)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield os.ttyname(there)
    finally:
        ends.set()
        thread.join()
        os.close(here)
        os.close(there)
        board.drop()
