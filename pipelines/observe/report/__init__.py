"""HTML report of a run."""

from reelmend.pipelines.observe.report.page import write_report

__all__ = ["write_report"]
