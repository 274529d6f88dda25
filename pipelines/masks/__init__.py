"""Masks of every kind, aligned with the frames of their video."""
