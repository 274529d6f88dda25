"""Which pixels are missing? Masks of every kind, brought onto the frames of their video."""
