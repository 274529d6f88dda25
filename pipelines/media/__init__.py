"""Pixels in files: reading, writing, masks, canvas."""
