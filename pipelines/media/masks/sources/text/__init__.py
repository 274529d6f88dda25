"""Burnt-in text: where lines are, how long each is shown, and which pixels are letters."""
