"""Benchmarks of mask sources: `python -m benchmarks.masks SOURCE [options]`."""

import sys
from importlib import import_module

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python -m benchmarks.masks SOURCE [options]")
    sys.exit(import_module(f"benchmarks.masks.{sys.argv[1]}").main(sys.argv[2:]))
