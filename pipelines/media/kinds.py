"""What is a path, going by its name: an image, a video container, or neither?"""

from pipelines.stores.location import Location

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".m2ts", ".mts", ".mxf", ".flv", ".wmv"}
    | {".ogv", ".3gp", ".y4m"}
)


def is_image(path: Location) -> bool:
    """Whether the name is an image's; hidden files are not."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def is_video_file(path: Location) -> bool:
    """Whether the name is a video container's; hidden files are not."""
    return path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith(".")
