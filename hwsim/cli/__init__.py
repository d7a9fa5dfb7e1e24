"""The command line: `hwsim run`, `machines`, `networks`, `compile`, `disasm`, `report`."""

from hwsim.cli.main import main

__all__ = ["main"]
