"""Previews of a job before its run: the masks, and a few restored seconds of each item."""
