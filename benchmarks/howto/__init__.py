"""Footage for the how-to pages, and their pictures."""
