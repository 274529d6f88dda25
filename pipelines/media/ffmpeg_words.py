"""What FFmpeg says of an error, for a person."""


def plain(error: Exception) -> str:
    """Return what FFmpeg says, without number and path."""
    return str(getattr(error, "strerror", None) or error)
