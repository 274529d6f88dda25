"""Number of the user whom this process works for."""

import os


def user_id() -> int:
    """Return it; 0 on Windows, whose files name no other owner either."""
    return os.geteuid() if hasattr(os, "geteuid") else 0
