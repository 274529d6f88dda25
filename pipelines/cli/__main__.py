"""`python -m pipelines.cli`: the command where the package is not installed."""

from pipelines.cli import main

main()
