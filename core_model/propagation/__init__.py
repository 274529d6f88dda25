"""Weightless restoration: holes filled from other frames along the scene's motion, the rest from their surroundings."""
