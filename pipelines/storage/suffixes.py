"""Kinds of files by their names: images, video containers, neither."""

from reelmend.pipelines.storage.location import Location

ANNOTATIONS = ".json"
"""Of masks in annotation files."""
IMAGE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".dpx", ".exr", ".tga", ".jp2", ".j2k"}
)
COMMON_VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".m2ts", ".mts", ".mxf", ".flv", ".wmv"}
    | {".ogv", ".3gp", ".y4m"}
)
_OTHER_VIDEO_SUFFIXES = frozenset(
    {".vob", ".evo", ".m2p", ".mpe", ".mod", ".tod", ".m2t", ".tp", ".trp", ".trec"}  # programme and transport streams
    | {
        ".m1v",
        ".m2v",
        ".mpv",
        ".mp2v",
        ".264",
        ".h264",
        ".avc",
        ".265",
        ".h265",
        ".hevc",
        ".obu",
        ".ivf",
        ".av1",
    }  # bare
    | {".mjpeg", ".mjpg", ".gif", ".apng", ".dv", ".dif", ".gxf", ".wtv", ".nut"}
    | {".asf", ".divx", ".xvid", ".qt", ".mqv", ".f4v", ".3g2", ".ogm", ".mk3d"}
)
VIDEO_SUFFIXES = COMMON_VIDEO_SUFFIXES | _OTHER_VIDEO_SUFFIXES
"""Of all containers in `reelmend.pipelines.media.source.FORMATS`."""


def is_image(path: Location) -> bool:
    """Whether the name is an image's; hidden files are not."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def is_video_file(path: Location) -> bool:
    """Whether the name is a video container's; hidden files are not."""
    return path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith(".")
