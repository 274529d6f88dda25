"""Engines: which one a job names, how it wants a video cut, which weights it needs."""
