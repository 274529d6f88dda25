"""What does a person look at after a run? One HTML file that needs nothing else."""

from pipelines.report.page import write_report

__all__ = ["write_report"]
