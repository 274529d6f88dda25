"""`reelmend mask draw`: a page on which a mask is drawn."""

import webbrowser
from dataclasses import asdict
from pathlib import Path
from threading import Thread
from typing import Annotated

import typer
from rich.console import Console

from reelmend.pipelines.cli.options import AsJson, Debug
from reelmend.pipelines.cli.screen import console, print_json
from reelmend.pipelines.errors import EXIT_INTERRUPTED, ConfigError
from reelmend.pipelines.storage.location import location_of
from reelmend.pipelines.utils.text import visible
from reelmend.pipelines.utils.units import counted


def draw(
    video: Annotated[str, typer.Argument(metavar="VIDEO", help="A video, or a folder of images.", show_default=False)],
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="PNG",
            help="Image to write if something is painted. By default VIDEO_mask.png in the current folder.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the image if it exists.")] = False,
    port: Annotated[
        int, typer.Option("--port", metavar="NUMBER", help="Port to listen on. 0: any free port.", min=0, max=65535)
    ] = 0,
    show: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
    keep: Annotated[bool, typer.Option("--keep", help="Keep serving the page after the mask is saved.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Open a page to draw a mask on a video: boxes, polygons, a brush, and boxes around objects to follow.

    Example: `reelmend mask draw clip.mp4`

    Saving prints the mask and the command that uses it, and ends the page, which only this machine can open.
    """
    from reelmend.pipelines.preview.draw.saved import Saved, default_image, refuse_image  # imports PyAV
    from reelmend.pipelines.preview.draw.server import DrawServer
    from reelmend.pipelines.preview.draw.subject import read_subject

    image = out or default_image(video)
    if not isinstance(location_of(video), Path):
        raise ConfigError(f"{video}: is not on this machine; copy it here, and draw on the copy")
    refuse_image(image, replace=force)
    screen = console()
    results: list[Saved] = []

    def tell(saved: Saved) -> None:
        results.append(saved)
        if as_json:
            print_json(asdict(saved))
            return
        if saved.image:
            screen.print(f"painted  {saved.image}", soft_wrap=True)
        screen.print(f"mask     {saved.expression}", soft_wrap=True)
        screen.print(f"run      {saved.command}", soft_wrap=True)

    with Console(stderr=True, markup=False, highlight=False).status(f"Reading {visible(video)}") as status:
        # A terminal shows it; a run reads every frame, too, so that frame numbers are the same.
        subject = read_subject(
            video, image, lambda count: status.update(f"Reading {visible(video)}: {counted(count, 'frame')}")
        )
    with DrawServer(port, subject, tell, keep=keep) as server:
        if as_json:
            print_json({"url": server.url})
        else:
            screen.print(f"{server.url}  (Ctrl-C ends it)", soft_wrap=True)
        if show:
            Thread(target=webbrowser.open, args=[server.url], daemon=True).start()  # a browser in the terminal blocks
        try:
            server.serve_forever(poll_interval=0.1)
        except KeyboardInterrupt:
            return 0 if results else EXIT_INTERRUPTED
    return 0
