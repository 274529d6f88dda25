"""How fast are the networks on this machine, and what does each switch give? `python -m core_model.bench`

Needs torch, einops, numpy and OpenCV, and nothing else of what a whole run needs.
"""
