"""Mask sources: what finds the pixels to restore in the pictures themselves."""
