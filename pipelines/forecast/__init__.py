"""Forecast of what a run takes: time, cost, storage."""
