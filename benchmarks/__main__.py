"""python -m benchmarks [NAME ...]: all of them, or those named. `results` writes docs/results.md and runs only when named."""

import sys
from importlib import import_module

NAMES = ("start", "engine_speed", "resnet50", "gates_speed", "scalesim", "thread_speed", "thread_curves")

if __name__ == "__main__":
    for name in sys.argv[1:] or NAMES:
        import_module(f"benchmarks.{name}").main()
