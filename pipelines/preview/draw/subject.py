"""The video that a mask is drawn on."""

from dataclasses import dataclass
from pathlib import Path

from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.errors import ConfigError, ItemError
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.records import VideoInfo
from reelmend.pipelines.stages.shot_detection import ShotFinder
from reelmend.pipelines.utils.user_paths import is_there


@dataclass(frozen=True)
class Subject:
    """What is drawn on, and where the result goes."""

    video: str
    """As typed on the command line."""
    info: VideoInfo
    shots: tuple[tuple[int, int], ...]
    """Ranges [start, stop) between its cuts."""
    image: str
    """Path of the PNG for what is painted."""


def read_subject(video: str, image: str) -> Subject:
    """Look at every frame of a video once, as a run does, so that frame numbers and cuts are those of the run.

    Raises ConfigError where it is missing or no video.
    """
    if not is_there(video):
        raise ConfigError(f"{video}: does not exist")
    finder = ShotFinder(JobConfig().plan.shot_threshold)
    try:
        info = inspect_video(Path(video), finder.see)
    except ItemError as exc:
        raise ConfigError(str(exc)) from exc
    return Subject(video, info, tuple(finder.shots()), image)
