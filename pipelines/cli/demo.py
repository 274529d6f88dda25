"""`reelmend demo`: a restoration in less than a minute, on a generated clip."""

import shutil
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from reelmend.pipelines.cli.options import Debug
from reelmend.pipelines.cli.screen import console
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.job.load import load_job
from reelmend.pipelines.observe.progress import choose_display
from reelmend.pipelines.observe.summary import RunSummary
from reelmend.pipelines.storage.run_layout import REPORT, WORK_FOLDER
from reelmend.pipelines.utils.units import readable_seconds

_INPUT = "input"


def demo(
    out: Annotated[str, typer.Option("--out", metavar="FOLDER", help="Folder for the demo's files.")] = "demo-out",
    picture: Annotated[
        str | None,
        typer.Option("--picture", metavar="FILE", help="Also write a before/after picture (PNG)."),
    ] = None,
    debug: Debug = False,
) -> int:
    """Generate a clip, remove a balloon from it, and measure the result.

    Example: `reelmend demo --out demo-out`
    """
    screen, folder = console(), Path(out)
    _clear(folder)
    # These import torch and PyAV, which --help and a wrong folder do not need.
    from reelmend.pipelines.demo.clip import write_clip
    from reelmend.pipelines.demo.picture import write_picture
    from reelmend.pipelines.demo.scene import FRAMES, moments
    from reelmend.pipelines.demo.score import score_clip
    from reelmend.pipelines.run.driver import run_job

    scene = list(moments())
    video, mask = write_clip(folder / _INPUT, scene)
    job = load_job(flags={"name": "demo", "input.videos": [str(video)], "input.masks": str(mask), "out": out})
    screen.print(f"A balloon drifts over a lake: {FRAMES} frames. The same as running:")
    screen.print(f"  reelmend run --videos {video} --masks {mask} --out {out}\n", style="bold", soft_wrap=True)
    summary = run_job(job, choose_display(screen, machine=False, log=job.log.format))
    report, restored = folder / WORK_FOLDER / REPORT, folder / video.name
    if summary.exit_status == 0:
        score, frames = score_clip(video, restored, scene, job.mask.dilation)
        _print_result(screen, summary, score.restored_psnr_db, score.per_frame_psnr_db)
        if picture is not None:
            write_picture(Path(picture), scene[FRAMES // 2], frames[FRAMES // 2])
        screen.print(f"before    {video}\nrestored  {restored}", soft_wrap=True)
    screen.print(f"report    {report}", soft_wrap=True)
    return summary.exit_status


def _clear(folder: Path) -> None:
    """Remove an earlier demo, and nothing else, so that this one has work to do."""
    try:
        earlier_demo = (folder / _INPUT / "scene_mask.mkv").exists()
        other = folder.exists() and not earlier_demo and (not folder.is_dir() or any(folder.iterdir()))
    except OSError as exc:
        raise ConfigError(f"--out {folder}: {exc.strerror}; use another folder") from exc
    if other:
        raise ConfigError(f"--out {folder}: not empty, and not an earlier demo; use another folder")
    if earlier_demo:
        shutil.rmtree(folder / WORK_FOLDER, ignore_errors=True)
        (folder / "scene.mp4").unlink(missing_ok=True)


def _print_result(screen: Console, summary: RunSummary, restored_psnr_db: float, per_frame_psnr_db: float) -> None:
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="bold")
    for name in ("frames", "seconds", "frames/s"):
        table.add_column(name, justify="right")
    for name in ("PSNR in the hole, reelmend", "each frame alone (cv2.inpaint)", "gain"):
        table.add_column(name, justify="right")
    table.add_row(
        str(summary.frames_computed),
        f"{summary.seconds:.1f}",
        f"{summary.frames_per_second:.1f}",
        f"{restored_psnr_db:.1f} dB",
        f"{per_frame_psnr_db:.1f} dB",
        f"{restored_psnr_db - per_frame_psnr_db:+.1f} dB",
    )
    screen.print(table)
    worked_s = sum(summary.seconds_by_stage.values())
    start = "starting Ray" if summary.executor == "ray" else "starting"
    screen.print(f"The time includes {start}; the restoration itself took {readable_seconds(worked_s)}.\n")
