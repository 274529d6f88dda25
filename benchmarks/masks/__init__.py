"""Benchmarks of mask sources on made clips with known truth; each source's table is a section of benchmarks/masks.md."""
