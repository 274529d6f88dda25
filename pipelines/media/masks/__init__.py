"""Masks: reading, alignment to the video, levels."""
