"""Outpainting: the canvas, its flow and its masks."""
