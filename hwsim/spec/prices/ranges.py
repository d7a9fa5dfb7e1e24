"""Priced: a figure with its range, and how ranges add."""

from dataclasses import dataclass

from hwsim.spec.errors import SpecError


@dataclass(frozen=True, kw_only=True)
class Priced:
    """At least, typically, at most. Sums add the ends: all parts low together, all high together."""

    low: float
    typical: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.typical <= self.high:
            raise SpecError(
                f"low: {self.low}, typical {self.typical}, high {self.high} are not ascending from 0; put them in order"
            )

    def __add__(self, other: "Priced") -> "Priced":
        return Priced(
            low=self.low + other.low,
            typical=self.typical + other.typical,
            high=self.high + other.high,
        )

    def __mul__(self, by: "float | Priced") -> "Priced":
        """By a number of 0 or more, or end by end."""
        f = by if isinstance(by, Priced) else Priced(low=by, typical=by, high=by)
        return Priced(
            low=self.low * f.low, typical=self.typical * f.typical, high=self.high * f.high
        )


ZERO = Priced(low=0.0, typical=0.0, high=0.0)
ONE = Priced(low=1.0, typical=1.0, high=1.0)
