"""Mask source `track`: an object in a box, or a painted one, followed through its shot without weights."""
