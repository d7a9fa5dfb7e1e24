"""Options of the test run."""

import pytest

from hwsim.cli import bars
from tests.harness.verilog_simulators import said


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the files of tests/goldens")


@pytest.fixture(autouse=True, scope="session")
def quiet() -> None:
    """However slow the computer is: no line of progress within a test."""
    bars.EVERY_SECONDS = 3600.0


def pytest_report_header() -> str:
    """Which simulators of Verilog are there, and how to get those that are not."""
    return said()
