"""The thread machine: pipelines of many threads around a scratchpad and a DRAM, cycle by cycle."""

from hwsim.thread.compile import compile_kernel, compiler_installed
from hwsim.thread.image import Image, load_image
from hwsim.thread.memory_map import Memory
from hwsim.thread.run import ThreadRun, run_threads

__all__ = ["Image", "Memory", "ThreadRun", "compile_kernel", "compiler_installed", "load_image", "run_threads"]
