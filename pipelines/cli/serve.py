"""`reelmend serve`: how is a run watched in a browser?"""

from dataclasses import replace
from typing import Annotated

import typer

from pipelines.cli.options import AsJson, Debug, Out, Preset, Words
from pipelines.cli.past_run import PastRun, find_past_run
from pipelines.cli.screen import console, print_json
from pipelines.serve.watched import Moment, WatchedRun
from pipelines.watch.overview import overview

Host = Annotated[
    str,
    typer.Option(
        "--host", metavar="ADDRESS", help="Where to listen. Beyond this machine, whoever reaches it may look."
    ),
]
Port = Annotated[int, typer.Option("--port", metavar="NUMBER", help="0 takes a free one.", min=0, max=65535)]


def serve(
    words: Words = None,
    preset: Preset = None,
    out: Out = None,
    host: Host = "127.0.0.1",
    port: Port = 8421,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Show a run in the browser while it goes on, or afterwards: items, speed, time left, before and after.

    Reads the ledger and the pictures beside the outputs, from any machine that reaches them; changes nothing.

    Example: `reelmend serve --out s3://footage/restored`
    """
    from pipelines.serve.server import PageServer

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
            screen.print(f"{past.summary.name}: {server.url}  (Ctrl-C ends it; the run goes on)", soft_wrap=True)
            if not server.on_this_machine_only:
                screen.print("Whoever reaches this address sees names, paths and pictures of the run.", style="yellow")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


def _moment(run: PastRun) -> Moment:
    stands = run.standing
    seen = overview(run.summary, run.ledger.rows_of_run(), ended=run.ended)
    seen = replace(seen, seconds_left=stands.seconds_left, slowest=stands.slowest)
    return Moment(run.summary, run.rows, seen, stands)
