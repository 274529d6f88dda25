"""Benchmark of the networks, with the effect of each switch: `python -m reelmend.core_model.bench`

Needs torch, einops, numpy and OpenCV, and nothing else of what a whole run needs.
"""
