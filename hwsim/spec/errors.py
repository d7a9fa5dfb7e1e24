"""One class for each noun that can be at fault; the command line turns them into one line and exit code 2.

Every message reads *where: what, with the value; what to do*.
"""


class HwsimError(Exception):
    """Base of every error that is the user's to mend."""


class SpecError(HwsimError):
    """A machine, a pattern or a price table that contradicts itself or is unknown."""


class GraphError(HwsimError):
    """A network that cannot be read or is not legal."""


class MatrixError(HwsimError):
    """A matrix or a graph that cannot be read, or that a workload cannot take."""


class MappingError(HwsimError):
    """A layer that does not fit the machine; carries demand, bound, unit, place and levers."""


class ProgramError(HwsimError):
    """A Program that is broken, illegal, or made for another machine."""


class SimulationError(HwsimError):
    """A run that cannot go on: deadlock, cycle limit."""


class ResultError(HwsimError):
    """A result file that is broken, or of another version."""


class BoardError(HwsimError):
    """A board that does not answer, or holds another machine than the Program is for."""


class BuildError(HwsimError):
    """A bitstream that cannot be built: unknown board, missing tools, a machine too large."""
