"""Helpers that know nothing of jobs, media or storage."""
