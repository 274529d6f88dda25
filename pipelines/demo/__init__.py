"""Demo on a clip whose truth is known."""
