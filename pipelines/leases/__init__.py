"""Leases: which run may write to an output folder."""
