"""Where is the command when the package is not installed? `python -m pipelines.cli`."""

from pipelines.cli import main

main()
