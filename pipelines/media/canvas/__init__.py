"""The output picture and where in it the video lies."""
