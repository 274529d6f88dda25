"""Ten minutes on a GPU: its tests, and what the networks do there. `benchmarks/gpu.sh` runs it on a bare machine."""
