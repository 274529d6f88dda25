"""Observation of a run: progress, metrics, traces, diagnosis."""
