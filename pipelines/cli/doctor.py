"""`reelmend doctor`: check this machine."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from reelmend.pipelines.cli.options import AsJson, Debug
from reelmend.pipelines.cli.screen import console, print_json

_STYLES = {"ok": "green", "note": "yellow", "wrong": "red"}


Gpu = Annotated[
    bool,
    typer.Option(
        "--gpu",
        help="Check the GPU part by part instead, on every machine of the cluster that RAY_ADDRESS names: torch, driver, "
        "products, attention, operators, memory.",
    ),
]


def doctor(gpu: Gpu = False, as_json: AsJson = False, debug: Debug = False) -> int:
    """Check this machine, Ray, and the settings that a run would use. Exits with status 2 if no run can work.

    Example: `reelmend doctor`
    """
    from reelmend.pipelines.cli.doctor_checks import (  # imports torch and PyAV, which --help does not need
        examine,
        works,
    )

    if gpu:
        from reelmend.pipelines.cli.gpu_findings import examine_gpus

        findings = examine_gpus()
    else:
        findings = examine()
    if as_json:
        print_json({"works": works(findings), "findings": [asdict(finding) for finding in findings]})
    else:
        table = Table.grid(padding=(0, 2))
        for finding in findings:
            what = Text(finding.what)
            if finding.advice:
                what.append(f"\n{finding.advice}", "yellow")
            table.add_row(Text(finding.level, _STYLES[finding.level]), Text(finding.topic, "bold"), what)
        console().print(table)
    return 0 if works(findings) else 2
