"""The tests; their helpers are imported by their whole name, `from tests.clips import write_clip`."""
