"""FFmpeg's error messages in words for a user."""


def plain(error: Exception) -> str:
    """Return what FFmpeg says, without number and path."""
    return str(getattr(error, "strerror", None) or error)
