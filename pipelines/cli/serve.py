"""`reelmend serve`: a live page of a run."""

from dataclasses import replace
from typing import Annotated

import typer

from reelmend.pipelines.cli.options import AsJson, Debug, Out, Preset, Words
from reelmend.pipelines.cli.past_run import PastRun, find_past_run
from reelmend.pipelines.cli.screen import console, print_json
from reelmend.pipelines.observe.overview import overview
from reelmend.pipelines.observe.serve.watched import Moment, WatchedRun

Host = Annotated[
    str,
    typer.Option(
        "--host",
        metavar="ADDRESS",
        help="Address to listen on. Any address other than 127.0.0.1 exposes the page without authentication.",
    ),
]
Port = Annotated[
    int, typer.Option("--port", metavar="NUMBER", help="Port to listen on. 0: any free port.", min=0, max=65535)
]


def serve(
    words: Words = None,
    preset: Preset = None,
    out: Out = None,
    host: Host = "127.0.0.1",
    port: Port = 8421,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Serve a live, read-only page of a run: items, speed, time left, pictures before and after.

    Works during and after the run, from any machine that can read its output folder.

    Example: `reelmend serve --out s3://footage/restored`
    """
    from reelmend.pipelines.observe.serve.server import PageServer

    past = find_past_run(words, preset, out)

    def later() -> Moment:
        nonlocal past
        past = past.as_of_now()
        return _moment(past)

    run = WatchedRun(_moment(past), later)
    with PageServer(host, port, run, past.work, past.files) as server:
        if as_json:
            print_json({"url": server.url})
        else:
            screen = console()
            screen.print(f"{past.summary.name}: {server.url}  (Ctrl-C stops this page, not the run)", soft_wrap=True)
            if not server.on_this_machine_only:
                screen.print(
                    "No authentication: anyone who can reach this address sees the run's names, paths and pictures.",
                    style="yellow",
                )
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


def _moment(run: PastRun) -> Moment:
    stands = run.standing
    seen = overview(run.summary, run.ledger.rows_of_run(), ended=run.ended)
    seen = replace(seen, seconds_left=stands.seconds_left, slowest=stands.slowest)
    return Moment(run.summary, run.rows, seen, stands, run.now)
