"""Measurement of settings on a job's own clips, whose truth is known because it was hidden on purpose."""
