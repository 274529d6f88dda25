"""`python -m reelmend.pipelines.cli`: the command where the package is not installed."""

from reelmend.pipelines.cli import main

main()
