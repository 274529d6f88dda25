"""Which options do the commands share, and what was meant by the words without one?"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from pipelines.errors import ConfigError
from pipelines.stores.location import Location, location_of
from pipelines.typed_paths import is_there

DEBUG_VARIABLE = "REELMEND_DEBUG"


def _turn_debug_on(value: bool) -> bool:
    if value:
        os.environ[DEBUG_VARIABLE] = "1"
    return value


Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="JOB KEY=VALUE",
        help="A job file (YAML), then settings that win over it, such as stitch.codec=ffv1.",
        show_default=False,
    ),
]
Preset = Annotated[
    str | None,
    typer.Option("--preset", metavar="NAME", help="fast, memory_efficient, cpu or propainter."),
]
Videos = Annotated[
    list[str] | None,
    typer.Option(
        "--videos",
        metavar="PATH",
        help="Videos, folders of images, or a quoted glob ('in/*.mp4'); several paths may follow.",
    ),
]
Masks = Annotated[
    str | None,
    typer.Option("--masks", metavar="RULE", help="One mask for all, a folder of masks, or a rule ('m/{stem}.png')."),
]
Manifest = Annotated[
    str | None,
    typer.Option("--manifest", metavar="FILE", help="Parquet, CSV or JSONL with columns video and mask."),
]
Out = Annotated[
    str | None, typer.Option("--out", metavar="FOLDER", help="Folder or prefix of a bucket (s3://...) of the outputs.")
]
Rates = Annotated[
    str | None,
    typer.Option("--rates", metavar="FILE", help="Rates that `reelmend bench rates` measured (cost.rates)."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document, for machines.")]
Debug = Annotated[
    bool,
    typer.Option("--debug", help="Show the traceback of an error.", callback=_turn_debug_on, is_eager=True),
]


@dataclass(frozen=True)
class Request:
    """What was typed, sorted: a job file, settings, and videos that followed `--videos` without the option."""

    file: Location | None
    overrides: list[str]
    videos: list[str]


def sort_words(words: Sequence[str] | None, videos: Sequence[str] | None) -> Request:
    """Tell the positional words apart. Raises ConfigError for one that is none of the three."""
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
                f"{word}: neither a job file (.yaml) nor KEY=VALUE; a video is given as --videos {word} --masks MASK"
            )
    if len(files) > 1:
        raise ConfigError(f"one job file at a time, not {' and '.join(map(str, files))}")
    return Request(files[0] if files else None, overrides, found)


def is_job_file(word: str) -> bool:
    return word.endswith((".yaml", ".yml")) and "=" not in word
