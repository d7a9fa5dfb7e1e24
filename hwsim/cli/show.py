"""Prints a report: to a person with colours and bars, to a pipe as text, or as JSON."""

from rich.console import Console

from hwsim.report.report import Report
from hwsim.report.table import COLUMNS, screen, text


def show_report(report: Report, as_json: bool) -> None:
    if as_json:
        print(report.to_json())
        return
    console = Console(highlight=False)
    if console.is_terminal:
        console.width = min(console.width, COLUMNS)
        console.print(screen(report))
    else:
        print(text(report), end="")
