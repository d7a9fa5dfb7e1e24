"""Options of the test run."""

import pytest

from tests.harness.verilog_simulators import said


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the files of tests/goldens")


def pytest_report_header() -> str:
    """Which simulators of Verilog are there, and how to get those that are not."""
    return said()
