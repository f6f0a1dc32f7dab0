"""The report of a run: one page that needs nothing but itself."""

from rhas.evaluate.report.page import write_report
from rhas.evaluate.report.sources import Origin

__all__ = ["Origin", "write_report"]
