"""How fast, how good, how much memory? Each module prints one table; `benchmarks/README.md` has the commands."""
