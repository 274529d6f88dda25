"""Live page of a run."""
