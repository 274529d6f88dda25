"""Cached optical flow: encoding, usage, eviction, statistics."""
