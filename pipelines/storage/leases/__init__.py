"""Leases, which keep two runs out of one output folder."""
