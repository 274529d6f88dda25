"""Benchmarks of speed, quality and memory. Each module prints one table; `benchmarks/README.md` has the commands."""
