"""The report: a Result times prices, checked, and shown as a table, JSON and pictures. matplotlib
is imported by `pictures` alone.
"""

from hwsim.report.build import make_report
from hwsim.report.check import check
from hwsim.report.report import Cosine, HostWork, Report
from hwsim.report.table import screen, text

__all__ = ["Cosine", "HostWork", "Report", "check", "make_report", "screen", "text"]
