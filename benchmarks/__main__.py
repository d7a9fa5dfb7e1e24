"""python -m benchmarks [NAME ...]: all of them, or those named. `results` writes docs/results.md, `thread [SECTION ...]` writes
docs/results_thread.md, `gates_counts [BLOCK ...]` the gates of docs/results.md; these run only when named."""

import sys
from importlib import import_module

NAMES = ("start", "engine_speed", "resnet50", "gates_speed", "scalesim", "thread_speed", "thread_curves")

if __name__ == "__main__":
    if sys.argv[1:2] in (["thread"], ["gates_counts"]):
        import_module(f"benchmarks.{sys.argv[1]}").main(sys.argv[2:])
    else:
        for name in sys.argv[1:] or NAMES:
            import_module(f"benchmarks.{name}").main()
