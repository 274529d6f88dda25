"""Quality and speed of the `propagation` engine on the commonest cases; `python -m benchmarks.quality`."""
