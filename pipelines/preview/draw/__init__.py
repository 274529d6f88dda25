"""Page on which a mask is drawn on a video."""
