"""Observation of a run: metrics, progress, summary, report, live page."""
