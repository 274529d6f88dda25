"""Options that commands share, and the meaning of positional words."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from reelmend.pipelines.cli.completion import complete_preset, complete_setting
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.storage.location import Location, location_of
from reelmend.pipelines.utils.user_paths import is_there

DEBUG_VARIABLE = "REELMEND_DEBUG"


def _turn_debug_on(value: bool) -> bool:
    if value:
        os.environ[DEBUG_VARIABLE] = "1"
    return value


Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="JOB KEY=VALUE",
        help="A job file (YAML), then settings that override it, such as stitch.codec=ffv1.",
        show_default=False,
        autocompletion=complete_setting,
    ),
]
Preset = Annotated[
    list[str] | None,
    typer.Option(
        "--preset",
        metavar="NAME|FILE",
        help="Preset: a name (fast, cpu, propainter, ...) or a file of settings. Repeat it to lay others over it.",
        autocompletion=complete_preset,
    ),
]
Videos = Annotated[
    list[str] | None,
    typer.Option(
        "--videos",
        metavar="PATH",
        help="Videos, folders of images, or a quoted glob ('in/*.mp4'). Accepts several paths.",
    ),
]
Masks = Annotated[
    str | None,
    typer.Option(
        "--masks",
        metavar="PATTERN",
        help="One mask for all videos, a folder of masks, a pattern ('m/{stem}.png'), a box (LEFT,TOP,WIDTH,HEIGHT: "
        "'box:70%,5%,25%,12%'), or what is to be found: text, overlay, damage, 'track:FILE', ...; combined by + - &.",
    ),
]
Manifest = Annotated[
    str | None,
    typer.Option("--manifest", metavar="FILE", help="Parquet, CSV or JSONL with columns video and mask."),
]
Out = Annotated[
    str | None,
    typer.Option(
        "--out",
        metavar="FOLDER|FILE",
        help="Output folder or bucket prefix (s3://...); for a single video, the output file (x.mp4).",
    ),
]
Frames = Annotated[
    str | None,
    typer.Option(
        "--frames",
        metavar="START:STOP",
        help="Restore only these frames of each video: 0:250, 1min:90s. The end is not included.",
    ),
]
First = Annotated[
    str | None,
    typer.Option("--first", metavar="LENGTH", help="Restore only the beginning of each video: 250 (frames) or 3s."),
]
Rates = Annotated[
    str | None,
    typer.Option("--rates", metavar="FILE", help="Rates measured by `reelmend bench rates` (cost.rates)."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Debug = Annotated[
    bool,
    typer.Option("--debug", help="Show the traceback of an error.", callback=_turn_debug_on, is_eager=True),
]


@dataclass(frozen=True)
class Request:
    """Positional words, sorted: a job file, settings, and videos that followed `--videos`."""

    file: Location | None
    overrides: list[str]
    videos: list[str]


def sort_words(words: Sequence[str] | None, videos: Sequence[str] | None) -> Request:
    """Sort the positional words. Raises ConfigError for an unknown one."""
    files: list[Location] = []
    overrides: list[str] = []
    found = list(videos or ())
    for word in words or ():
        if is_job_file(word):
            files.append(location_of(word))
        elif "=" in word and not is_there(word):
            overrides.append(word)
        elif videos:
            found.append(word)  # `--videos in/*.mp4` without quotes: the shell made several words of one
        else:
            raise ConfigError(
                f"{word}: not a job file (.yaml) or a KEY=VALUE setting; for a video use --videos {word} --masks MASK"
            )
    if len(files) > 1:
        raise ConfigError(f"expected one job file, got {' and '.join(map(str, files))}")
    return Request(files[0] if files else None, overrides, found)


def is_job_file(word: str) -> bool:
    return word.endswith((".yaml", ".yml")) and "=" not in word
