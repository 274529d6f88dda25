"""The video that a mask is drawn on."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from reelmend.pipelines.errors import ConfigError, ItemError
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.records import VideoInfo
from reelmend.pipelines.utils.user_paths import is_there


@dataclass(frozen=True)
class Subject:
    """What is drawn on, and where the result goes."""

    video: str
    """As typed on the command line."""
    info: VideoInfo
    image: str
    """Path of the PNG for what is painted."""


def read_subject(video: str, image: str, on_frame: Callable[[int], None] = lambda count: None) -> Subject:
    """Look at every frame of a video once, as a run does, so that frame numbers are those of the run.

    `on_frame` is called with the number of frames read so far. Raises ConfigError where the video is missing or no video.
    """
    if not is_there(video):
        raise ConfigError(f"{video}: does not exist")
    try:
        info = inspect_video(Path(video), lambda index, frame: on_frame(index + 1))
    except ItemError as exc:
        raise ConfigError(str(exc)) from exc
    return Subject(video, info, image)
