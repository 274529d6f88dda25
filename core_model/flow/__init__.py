"""Optical flow estimators."""
