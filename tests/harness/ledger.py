"""The ledger of accepted deviations, by key."""

from dataclasses import dataclass
from pathlib import Path

LEDGER = Path(__file__).parents[1] / "validation/deviations.md"


@dataclass(frozen=True)
class Deviation:
    published: str
    limit: str

    @property
    def number(self) -> float:
        return float(self.published.replace(",", ""))


def deviations() -> dict[str, Deviation]:
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in LEDGER.read_text("utf-8").splitlines() if line.startswith("| ")]
    assert rows[0] == ["key", "source", "published", "limit here", "reason"]
    found = {key: Deviation(published, limit) for key, _, published, limit, reason in rows[2:] if reason}
    assert len(found) == len(rows) - 2, "a key stands twice, or a reason is missing"
    return found
