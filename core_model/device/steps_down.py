"""Count of the steps that this process took because memory was short."""


class StepsDown:
    """Of this process."""

    taken = 0
