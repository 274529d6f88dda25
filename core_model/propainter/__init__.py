"""The ProPainter engine."""
