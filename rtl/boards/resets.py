"""The reset of a machine between Programs: many registers that are alike, since one net to the whole machine would be its longest path."""

from typing import Any

from amaranth.hdl import Fragment, Module, ResetInserter, Signal, Value

LOADS = 256  # bits of state that one of the registers resets


class Some:
    """Of the assigned parts of signals, those that one register resets."""

    def __init__(self, parts: list[Any]):
        self.parts = parts

    def chunks(self) -> list[Any]:
        return self.parts


class Resets(ResetInserter):
    """`held`: a component in reset from the cycle after one in which `runs` is 0 to the one after that in which it is 1 again."""

    def __init__(self, m: Module, runs: Value):
        super().__init__({})
        self.m, self.runs, self.left, self.made = m, runs, 0, 0

    def held(self, component: Any, platform: Any) -> Fragment:
        self._next()
        return self(Fragment.get(component, platform))

    def _next(self) -> None:
        reset = Signal(init=1, name=f"reset_of_machine_{self.made}")
        self.m.d.sync += reset.eq(~self.runs)
        self.controls, self.left, self.made = {"sync": reset}, LOADS, self.made + 1

    def _insert_control(self, fragment: Fragment, domain: str, signals: Any) -> None:
        parts: list[Any] = []
        for signal, start, stop in signals.chunks():
            if signal.reset_less:
                continue
            parts.append((signal, start, stop))
            self.left -= (len(signal) if stop is None else stop) - start
            if self.left <= 0:
                super()._insert_control(fragment, domain, Some(parts))
                self._next()
                parts = []
        if parts:
            super()._insert_control(fragment, domain, Some(parts))
