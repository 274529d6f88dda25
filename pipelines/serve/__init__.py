"""Live page of a run, from any machine that can read its folder."""
