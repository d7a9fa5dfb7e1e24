"""Identity registers, traps, fence.i, endings, faults: whole messages."""

import numpy as np
import pytest

from hwsim.spec.errors import HwsimError, ProgramError, SimulationError
from hwsim.spec.thread_isa import encode
from hwsim.thread import Memory
from tests.harness.thread_programs import ALONE, TINY, image, load_value, results, run


def identities(number: int) -> list[int]:
    """A register's value on every thread of two blocks."""
    memory = Memory(TINY)
    out = memory.reserve(8 * 18)
    words = [encode("csrrs", 11, imm=0xF14), encode("slli", 12, 11, imm=3), encode("add", 12, 12, 10), encode("csrrs", 13, imm=number)]
    done = run([*words, encode("sd", 0, 12, 13)], TINY, memory, (out,))
    return [int(v) for v in done.read(out, 18, np.int64)]


def test_threads_know_who_they_are() -> None:
    """piuma_tiny: two blocks of 2 x 4 + 1 threads."""
    assert identities(0xF14) == list(range(18))
    assert identities(0xFC0) == [0] * 9 + [1] * 9
    assert identities(0xFC2) == [0, 0, 0, 0, 1, 1, 1, 1, 2] * 2
    assert identities(0xFC3) == [0, 1, 2, 3, 0, 1, 2, 3, 0] * 2
    assert identities(0xFC6) == ([0] * 8 + [1]) * 2
    for number, value in ((0xFC1, 2), (0xFC4, 18), (0xFC5, 9), (0xFC7, 8), (0xFC8, 9 * 4096), (0xFC9, 65536)):
        assert identities(number) == [value] * 18


def test_stacks_lie_in_the_scratchpad_one_below_the_other() -> None:
    memory = Memory(TINY)
    out = memory.reserve(8 * 18)
    words = [encode("csrrs", 11, imm=0xF14), encode("slli", 12, 11, imm=3), encode("add", 12, 12, 10), encode("sd", 0, 12, 2)]
    tops = run(words, TINY, memory, (out,)).read(out, 18, np.int64)
    assert [int(v) for v in tops] == [2 << 56 | b << 40 | (i + 1) * 4096 for b in (0, 1) for i in range(9)]


def test_counters_of_time_and_instructions_run() -> None:
    cycle = results([([encode("csrrs", 10, imm=0xC00), encode("csrrs", 11, imm=0xC00), encode("sub", 10, 11, 10)], ())] * 5)
    instret = results([([encode("csrrs", 10, imm=0xC02), encode("csrrs", 11, imm=0xC02), encode("sub", 10, 11, 10)], ())] * 5)
    assert 1 in cycle and set(instret) == {1}


def test_control_registers_are_read_then_written() -> None:
    scratch = 0x340
    put = encode("csrrw", 0, 11, imm=scratch)
    get = encode("csrrs", 10, imm=scratch)
    cases = [
        ([put, encode("csrrw", 10, 12, imm=scratch)], (6, 3)), ([put, encode("csrrw", 0, 12, imm=scratch), get], (6, 3)),
        ([put, encode("csrrs", 0, 12, imm=scratch), get], (6, 3)), ([put, encode("csrrc", 0, 12, imm=scratch), get], (6, 3)),
        ([put, encode("csrrwi", 0, 21, imm=scratch), get], (6, 3)), ([put, encode("csrrsi", 0, 1, imm=scratch), get], (6, 3)),
        ([put, encode("csrrci", 10, 2, imm=scratch), get], (6, 3)),
    ]  # fmt: skip
    assert results(cases) == [6, 3, 7, 4, 21, 7, 4]


def test_a_rounding_mode_in_frm_counts_for_conversions() -> None:
    half = 0x4004000000000000  # 2.5
    modes = [([encode("csrrwi", 0, m, imm=2), encode("fcvt.l.d", 10, 11, rm=7), encode("csrrwi", 0, 0, imm=2)], (half,)) for m in range(5)]
    assert results(modes) == [2, 2, 2, 3, 3]


def test_a_trap_goes_to_its_handler_and_back() -> None:
    """The handler adds the cause to x10, skips the instruction, returns."""
    handler = [
        encode("csrrs", 28, imm=0x342), encode("add", 10, 10, 28), encode("csrrs", 29, imm=0x341), encode("addi", 29, 29, imm=4),
        encode("csrrw", 0, 29, imm=0x341), encode("mret"),
    ]  # fmt: skip
    words = [encode("auipc", 5), encode("addi", 5, 5, imm=12), encode("jal", 0, imm=4 + 4 * len(handler)), *handler]
    body = [
        encode("csrrw", 0, 5, imm=0x305),
        encode("addi", 10, 0),
        encode("ecall"),
        encode("ebreak"),
        0,
        encode("ld", 6, 0),
        encode("csrrw", 0, 0, imm=0x305),
    ]
    memory = Memory(ALONE)
    out = memory.reserve(8)
    done = run([encode("addi", 9, 10), *words, *body, encode("sd", 0, 9, 10)], ALONE, memory, (out,))
    assert done.read(out, 1, np.int64)[0] == 11 + 3 + 2 + 5


def test_changed_code_is_seen_behind_fence_i() -> None:
    new = encode("addi", 10, 0, imm=7)
    words = [
        encode("addi", 9, 10), encode("auipc", 5), *load_value(6, new), encode("sw", 0, 5, 6, imm=4 * 33), encode("fence.i"),
    ]  # fmt: skip
    target = 1 + 33
    words += [encode("addi")] * (target - len(words)) + [encode("addi", 10, 0, imm=3), encode("sd", 0, 9, 10)]
    memory = Memory(ALONE)
    out = memory.reserve(8)
    assert len(words) == target + 2
    assert run(words, ALONE, memory, (out,)).read(out, 1, np.int64)[0] == 7


PC = 0x80000000
AT = "block 0 stp 0 thread 0 at pc "
FAULTS: list[tuple[list[int], str]] = [
    ([0], AT + "0x80000000: 0x00000000 is no instruction"),
    ([encode("csrrs", 10, imm=0x7C0)], AT + "0x80000000: csrrs: control register 0x7c0 is not there, or cannot be written"),
    ([encode("csrrw", 0, 0, imm=0xF14)], AT + "0x80000000: csrrw: control register 0xf14 is not there, or cannot be written"),
    ([encode("fadd.d", 10, 0, 0, rm=1)], AT + "0x80000000: fadd.d: rounding mode 1; only 0, to nearest even, is there"),
    ([encode("ebreak")], AT + "0x80000000: a breakpoint (0x80000000)"),
    ([encode("ecall")], AT + "0x80000000: an environment call (0x0)"),
    ([encode("ld", 10, 0, imm=64)], AT + "0x80000000: a load where no memory is (0x40)"),
    ([encode("sd", 0, 0, 0, imm=-8)], AT + "0x80000000: a store or atomic where no memory is (0xfffffffffffffff8)"),
    ([encode("addi", 5, 2, imm=-4), encode("amoadd.d", 10, 5, 0)],
     AT + "0x80000004: a misaligned store or atomic (0x200000000000ffc)"),
    ([encode("jal", 0, imm=4096)], AT + "0x80001000: no instruction there; the code ends before (0x80001000)"),
    ([encode("csrrwi", 0, 3, imm=2), encode("fmul.d", 10, 0, 0)],
     AT + "0x80000004: fmul.d: rounding mode 3; only 0, to nearest even, is there"),
    ([encode("addi", 11, 0, imm=9), encode("coll.add", 10, 0, 11)], AT + "0x80000004: coll.add: scope 9 is not there; use 0 to 3"),
    ([encode("addi", 11, 0, imm=2), encode("coll.or", 10, 0, 11)],
     AT + "0x80000004: coll.or: scope 2, its block's mtp, without this thread, which is stp"),
    ([encode("addi", 11, 0, imm=4), encode("queue.pop", 10, 11)],
     AT + "0x80000004: queue.pop: queue 4 of block 0 is not there; the run has queues 0 to 3 of blocks 0 to 0"),
    ([encode("addi", 11, 0, imm=0x100), encode("queue.push", 0, 11, 0)],
     AT + "0x80000004: queue.push: queue 0 of block 1 is not there; the run has queues 0 to 3 of blocks 0 to 0"),
    ([encode("addi", 11, 2, imm=-4), encode("dma.start", 0, 11)],
     AT + "0x80000004: dma.start: a descriptor at 0x200000000000ffc; it must lie in the own block, at a multiple of 8"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "message"), FAULTS)
def test_a_fault_names_its_thread_and_its_place(words: list[int], message: str) -> None:
    with pytest.raises(SimulationError) as e:
        run(words)
    assert str(e.value) == f"words: {message}; mend the program, or set mtvec to handle it"


DOWN = [encode("addi", 2, 2, imm=-2048)]
LARGER = "its stack of 4096 bytes is overrun; raise stack_bits (32768) in a file of the machine, or keep less on the stack"
ONLY_14 = [encode("csrrs", 5, imm=0xF14), encode("addi", 6, 0, imm=14), encode("beq", 0, 5, 6, imm=8), encode("exit")]
OVERRUNS: list[tuple[list[int], int]] = [
    (DOWN * 3, 6),
    ([*DOWN, *DOWN, encode("addi", 2, 2, imm=-16)], 6),
    ([*load_value(7, -4112), encode("add", 2, 2, 7)], 4 + len(load_value(7, -4112))),
    ([*load_value(7, 4112), encode("sub", 2, 2, 7)], 4 + len(load_value(7, 4112))),
    ([*load_value(7, 8192), encode("sub", 8, 2, 7), encode("addi", 2, 8)], 5 + len(load_value(7, 8192))),
]


@pytest.mark.parametrize(("words", "at"), OVERRUNS)
def test_a_stack_that_is_overrun_is_told_before_its_neighbours_is_written(words: list[int], at: int) -> None:
    """Thread 14: the sixth of block 1."""
    with pytest.raises(SimulationError) as e:
        run([*ONLY_14, *words, encode("sd", 0, 2, 0)], TINY)
    assert str(e.value) == f"words: block 1 mtp 1 thread 1 at pc {PC + 4 * at:#x}: {LARGER}"


def test_a_stack_may_be_used_to_its_last_byte_and_sp_for_something_else() -> None:
    up = [encode("addi", 2, 2, imm=2032), encode("addi", 2, 2, imm=16)]
    run([*DOWN, *DOWN, encode("sd", 0, 2, 0), *up, *up, encode("sd", 0, 2, 0, imm=-8)], TINY)
    run([encode("addi", 2, 0, imm=5), *DOWN * 3], TINY)
    run([*load_value(2, 0x80100000), *DOWN * 3], TINY)


def test_a_code_of_exit_is_an_error() -> None:
    with pytest.raises(SimulationError, match="^words: block 0 stp 0 thread 0 left with code 3; the kernel says that something is wrong$"):
        run([encode("addi", 10, 0, imm=3), encode("exit", 0, 10)])


def test_an_endless_program_meets_the_limit() -> None:
    with pytest.raises(SimulationError, match="^words: not over after 5000 cycles; raise the limit or mend the program$"):
        run([encode("jal", 0, imm=0)], limit_cycles=5000)


def test_a_deadlock_names_who_waits_for_what() -> None:
    words = [
        encode("csrrs", 11, imm=0xF14), encode("addi", 12, 0, imm=8), encode("beq", 0, 11, 12, imm=12),
        encode("queue.pop", 10, 0), encode("jal", 0, imm=8), encode("coll.barrier", 0, 0, 0),
    ]  # fmt: skip
    with pytest.raises(SimulationError) as e:
        run(words, TINY.with_(blocks=1))
    text = str(e.value)
    assert text.startswith("words: deadlock, 9 threads wait: block 0 mtp 0 thread 0 at pc 0x80000010 for queue 0 of block 0; ")
    assert text.endswith("and 1 more; let somebody serve them")
    one_leaves = [encode("csrrs", 11, imm=0xF14), encode("bne", 0, 11, 0, imm=8), encode("coll.barrier", 0, 0, 0)]
    waits = "block 0 stp 0 thread 0 at pc 0x8000000c for the collective of all blocks"
    message = f"^words: deadlock, 1 threads wait: {waits}; let somebody serve them$"
    with pytest.raises(SimulationError, match=message):
        run(one_leaves, ALONE.with_(stp__threads=2))


def test_too_many_arguments_and_too_large_images() -> None:
    with pytest.raises(ProgramError, match="^args: 9 of them; give at most 8, more behind a pointer$"):
        run([], args=(1,) * 9)
    with pytest.raises(HwsimError, match="a block keeps 4194304 bytes for it"):
        run([0] * (5 << 18))
    assert image([0]).entry == PC
