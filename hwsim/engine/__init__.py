"""What happens, cycle by cycle."""

from hwsim.engine.simulate import run_cycles, simulate

__all__ = ["run_cycles", "simulate"]
