"""`reelmend tune`: measure settings on a job's own clips, and write the fastest that lose little as a preset."""

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from reelmend.pipelines.cli.job_options import JobOptions, takes_job
from reelmend.pipelines.cli.options import AsJson, Debug
from reelmend.pipelines.cli.screen import console, print_json
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.tuning.tuned_file import tuned_text
from reelmend.pipelines.utils.units import readable_seconds, seconds_of

if TYPE_CHECKING:
    from reelmend.pipelines.tuning.measure import Row
    from reelmend.pipelines.tuning.tune import Outcome

_FILE = "tuned.yaml"

Budget = Annotated[str, typer.Option("--budget", metavar="TIME", help="Time that measurements may take: 90s, 10m, 2h.")]
Loss = Annotated[
    str,
    typer.Option(
        "--loss", metavar="DB", help="Largest loss of PSNR on any clip, against the job's own settings: 0.5dB."
    ),
]
Clips = Annotated[int, typer.Option("--clips", min=1, max=16, help="Number of the job's items to measure on.")]
ClipFrames = Annotated[int, typer.Option("--clip-frames", min=2, max=1000, help="Frames of each clip.")]
Vary = Annotated[
    list[str] | None,
    typer.Option("--vary", metavar="KEY", help="Vary only this setting, such as flow.max_side. Can be repeated."),
]
To = Annotated[
    str | None,
    typer.Option("--to", metavar="FILE", help="File to write. Default: tuned.yaml beside the job file, or here."),
]


@takes_job
def tune(
    typed: JobOptions,
    budget: Budget = "10m",
    loss: Loss = "0.5dB",
    clips: Clips = 2,
    clip_frames: ClipFrames = 24,
    vary: Vary = None,
    to: To = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Measure settings on a job's own shortest clips, and write the fastest that lose little as a preset.

    A part of each clip that the job leaves alone is hidden by a hole of the same size and motion, restored, and compared
    with what was hidden. One setting is varied at a time; what loses more than --loss is refused. Settings that the job
    file or the command line set are left alone. Run it again to continue: rows are kept beside the preset.

    Example: `reelmend tune job.yaml --budget 10m --loss 0.5dB`
    """
    from reelmend.pipelines.tuning.tune import Limits, figures_of  # imports PyAV, which --help does not need
    from reelmend.pipelines.tuning.tune import tune as measure

    limits = Limits(_budget(budget), _loss(loss), clips, clip_frames, tuple(vary or ()))
    typed.job()  # says what is to be known of presets
    loaded, file = typed.loaded(), _target(typed, to)
    screen = console()

    def tell(what: str, row: "Row | None") -> None:
        if not as_json:
            screen.print(Text(what if row is None else f"{_name(row)}: {_time(row)}{what}", "dim"), soft_wrap=True)

    outcome = measure(loaded, file.with_suffix(".rows.jsonl"), limits, tell)
    command = _command(typed, file)
    effect = _effect(outcome)
    text = tuned_text(outcome.chosen.settings, figures_of(outcome), loaded.job, outcome.machine, command, effect)
    try:
        file.write_text(text)
    except OSError as exc:
        raise ConfigError(f"{file}: cannot be written ({exc.strerror}); choose another file with --to") from exc
    if as_json:
        print_json(_document(outcome, file, command))
    else:
        _print(outcome, file, command, effect)
    return 0


def _print(outcome: "Outcome", file: Path, command: str, effect: str) -> None:
    screen = console()
    screen.print()
    for clip in outcome.found.clips:
        hole = "" if clip.scale == 1 else f", a hole of {clip.scale:g} times the real size"
        height, width = clip.frames.shape[1:3]
        screen.print(f"clip    {clip.name}: {len(clip.frames)} frames of {width}x{height}{hole}", soft_wrap=True)
    for why in outcome.found.passed_over:
        screen.print(Text(f"passed  {why}", "yellow"), soft_wrap=True)
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="bold")
    table.add_column("settings", overflow="fold")
    for name in ("s/frame", "CPU s/frame", "own / row", "workers", "peak MB", "loss dB"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    table.add_row("the job's own", *_cells(outcome.own, outcome.own), "")
    for verdict in outcome.verdicts:
        word = Text(f"kept: {verdict.why}", "green") if verdict.kept else Text(f"refused: {verdict.why}")
        table.add_row(_name(verdict.row), *_cells(verdict.row, outcome.own), word)
    for own, chosen in outcome.fresh:
        table.add_row("the job's own, again", *_cells(own, outcome.own), "")
        table.add_row(f"{_name(chosen)}, again", *_cells(chosen, own), "")
    screen.print(table)
    for key, why in outcome.not_varied:
        screen.print(f"left    {key}: {why}", soft_wrap=True)
    if outcome.not_measured:
        left = ", ".join(outcome.not_measured)
        screen.print(f"left    {left} and what follows: no time left; run the same command again", soft_wrap=True)
    if outcome.doubt:
        screen.print(Text(f"note    {outcome.doubt}", "yellow"), soft_wrap=True)
    screen.print(f"\n{effect}", soft_wrap=True)
    screen.print(f"preset  {file}\nuse it  {command}", soft_wrap=True)


def _cells(row: "Row", own: "Row") -> list[str]:
    from reelmend.pipelines.tuning.descent import loss_of

    if row.failed:
        return ["-"] * 6
    return [
        f"{row.seconds_per_frame:.4f}",
        f"{row.cpu_seconds_per_frame:.4f}",
        f"{own.seconds_per_frame / row.seconds_per_frame:.2f}",
        str(row.workers),
        f"{row.memory_mb:.0f}",
        f"{loss_of(row, own):.2f}",
    ]


def _effect(outcome: "Outcome") -> str:
    if not outcome.chosen.settings:
        if outcome.fresh:
            return "No other settings are faster: what looked faster was not when it was measured again."
        return "No other settings are faster."
    own, chosen = outcome.fresh[-1]
    return (
        f"{outcome.speedup:.2f} times as fast as the job's own settings ({chosen.seconds_per_frame:.4f} s per frame "
        f"instead of {own.seconds_per_frame:.4f}); loses {max(0.0, outcome.loss_db):.2f} dB on the worst clip."
    )


def _document(outcome: "Outcome", file: Path, command: str) -> dict[str, Any]:
    from reelmend.pipelines.tuning.descent import loss_of
    from reelmend.pipelines.tuning.measure import as_plain
    from reelmend.pipelines.tuning.tune import figures_of

    def plain(row: "Row") -> dict[str, Any]:
        return as_plain(row) | {"loss_db": None if row.failed else loss_of(row, outcome.own)}

    return {
        "machine": outcome.machine,
        "own": plain(outcome.own),
        "rows": [plain(one.row) | {"key": one.key, "kept": one.kept, "why": one.why} for one in outcome.verdicts],
        "fresh": [{"own": plain(own), "chosen": plain(chosen)} for own, chosen in outcome.fresh],
        "chosen": plain(outcome.chosen),
        "speedup": outcome.speedup,
        "not_varied": dict(outcome.not_varied),
        "not_measured": outcome.not_measured,
        "passed_over": outcome.found.passed_over,
        "measured": outcome.measured,
        "doubt": outcome.doubt,
        "preset": str(file),
        "command": command,
        **figures_of(outcome),
    }


def _name(row: "Row") -> str:
    return " ".join(f"{key}={_word(value)}" for key, value in row.settings.items()) or "own settings"


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _time(row: "Row") -> str:
    return "" if row.failed else f"{row.seconds_per_frame:.4f} s/frame, measured in {readable_seconds(row.took_s)}; "


def _target(typed: JobOptions, to: str | None) -> Path:
    if to is not None:
        file = Path(to).expanduser()
        if file.suffix not in (".yaml", ".yml"):
            raise ConfigError(f"--to {to}: a preset is a .yaml file")
        return file
    beside = typed.file
    return (beside.parent if isinstance(beside, Path) else Path()) / _FILE


def _command(typed: JobOptions, file: Path) -> str:
    """Return what a user types to run the job with the preset."""
    options = [
        *(word for name in typed.preset or () for word in ("--preset", name)),
        *(word for name in typed.videos or () for word in ("--videos", name)),
    ]
    for name, value in (("--masks", typed.masks), ("--manifest", typed.manifest), ("--out", typed.out)):
        options += [name, value] if value is not None else []
    return shlex.join(["reelmend", "run", *(typed.words or ()), *options, "--preset", str(file)])


def _budget(text: str) -> float:
    try:
        seconds = seconds_of(re.sub(r"(?<=\d)m$", "min", text.strip()))
    except ConfigError as exc:
        raise ConfigError(f"--budget: {exc}") from exc
    if seconds <= 0:
        raise ConfigError(f"--budget {text}: give measurements some time, such as 10m")
    return seconds


def _loss(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:dB)?", text.strip())
    if found is None:
        raise ConfigError(f"--loss {text}: not a valid loss; use 0.5dB, or 0 for none")
    return float(found[1])
