"""Accuracy of mask sources, on clips whose true masks are known."""
