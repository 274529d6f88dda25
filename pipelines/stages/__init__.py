"""Stages: all that runs on a worker."""
