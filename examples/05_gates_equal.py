"""Does a machine of your own, written out as Verilog, do in every cycle what the simulator says?"""

from pathlib import Path

from hwsim.spec.load import load_machine
from hwsim.twin.compare import compare
from hwsim.twin.programs import random_program
from rtl.emit import emit
from rtl.machine import machine_of

machine = load_machine("tiny4").with_(name="mine", array__cols=2, memory__latency_cycles=25)
folder = Path("build")
folder.mkdir(exist_ok=True)
for name, text in emit(machine, machine.name).items():
    (folder / name).write_text(text)
    print(f"{folder / name}: {len(text.splitlines()):,} lines")

gates = machine_of(machine)  # compiled once, then found in the cache
cycles = 0
for seed in range(20):
    done = compare(machine, random_program(machine, seed), machine=gates)
    assert done.difference is None, done.difference
    cycles += done.cycles
print(f"engine and gates agree: 20 Programs, {cycles:,} cycles, {len(gates.probes)} ports at every clock edge")
