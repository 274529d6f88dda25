"""How often was less put on a device at once because it was full? The picture stays the same, the time does not."""


class StepsDown:
    """Of this process."""

    taken = 0
