"""Count of memory-saving steps on a device. The picture stays the same, the time does not."""


class StepsDown:
    """Of this process."""

    taken = 0
