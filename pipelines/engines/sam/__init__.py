"""Mask sources `points` and `sam`: an object that is clicked on, in a box or painted, followed by SAM 2.1."""
