"""Being here puts `tests/` on the path, so that every test can say `from clips import write_clip`."""
