"""A terminal that shows what names hold instead of doing it."""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from reelmend.pipelines.visible import visible


class VisibleConsole(Console):
    """Whatever text comes through it, control characters in it are written out; its own styles are no text."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text, keep="\n"))
