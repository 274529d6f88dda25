"""Mask videos of another frame rate: each frame of the video takes the mask that is shown at its time."""

from bisect import bisect_right

from reelmend.pipelines.media.records import VideoInfo

_LEAST_S, _SHARE = 0.1, 0.01
"""By how much the durations of a video and its mask may differ: seconds, or a share of the longer one."""
_SAME_RATE = 0.02
"""Relative difference of two frame rates that are the same one."""
_EARLY = 0.1
"""Of the time that a mask is shown, what it may come after the frame that it is for: timestamps are rounded."""


def frames_at(mask: VideoInfo, video: VideoInfo) -> list[int] | None:
    """Return for each frame of the video the number of the mask's frame at that time; None where they do not last alike, or
    have the same rate.

    Both clocks start at the first frame.
    """
    lasts, of_video = _seconds(mask), _seconds(video)
    if abs(float(mask.rate / video.rate) - 1) < _SAME_RATE:
        return None  # of the same rate, so that a frame more or less is another clip's
    if not mask.pts or abs(lasts - of_video) > max(_LEAST_S, _SHARE * max(lasts, of_video)):
        return None
    shown_s = [float((pts - mask.pts[0]) * mask.time_base) for pts in mask.pts]
    early = _EARLY * lasts / mask.frames
    found = []
    for pts in video.pts:
        at = float((pts - video.pts[0]) * video.time_base)
        found.append(max(0, bisect_right(shown_s, at + early) - 1))
    return found


def time_note(mask: VideoInfo, video: VideoInfo) -> str:
    """Say that a mask was read by time."""
    return (
        f"it has {mask.frames} frames at {float(mask.rate):.3g} fps, the video {video.frames} at "
        f"{float(video.rate):.3g} fps: each frame takes the mask shown at its time"
    )


def _seconds(info: VideoInfo) -> float:
    """How long it is shown, the last frame as long as the average."""
    between = float((info.pts[-1] - info.pts[0]) * info.time_base) if info.pts else 0.0
    return between * info.frames / (info.frames - 1) if info.frames > 1 else 1 / float(info.rate)
