"""Groups of sampled pictures from seconds to the whole clip, whatever its length.

A logo of three seconds before a pan needs samples close together; one over an hour of still shots needs samples of many
shots. Each rung holds a group of samples; a full one is analysed, hands some of its samples up, and starts again. Memory
grows with the logarithm of the clip's length.
"""

from collections.abc import Iterator

from reelmend.pipelines.media.masks.sources.clip import U8

GROUP = 24
"""Samples that are analysed together: three seconds on the lowest rung."""
_HANDED_UP = 3
_LEAST = 5
"""Samples of a clip's end, or of a short clip, that are still analysed."""


class Ladder:
    def __init__(self) -> None:
        self._rungs: list[list[U8]] = [[]]
        self._last: list[U8] = []
        """The last full group of the lowest rung: an unfinished one is filled up from it."""

    def add(self, picture: U8) -> Iterator[list[U8]]:
        """Take a sample; yield groups that are complete by it."""
        yield from self._add(0, picture)

    def rest(self) -> Iterator[list[U8]]:
        """Yield the groups that the end of the clip left unfinished."""
        lowest = self._rungs[0]
        if lowest:
            for picture in self._sparse(lowest):
                if len(self._rungs) > 1:
                    self._rungs[1].append(picture)
            yield (self._last + lowest)[-GROUP:]
        for rung in self._rungs[1:]:
            if len(rung) >= _LEAST:
                yield rung

    def _add(self, level: int, picture: U8) -> Iterator[list[U8]]:
        if level == len(self._rungs):
            self._rungs.append([])
        rung = self._rungs[level]
        rung.append(picture)
        if len(rung) < GROUP:
            return
        self._rungs[level] = []
        if level == 0:
            self._last = rung
        yield rung
        for handed in self._sparse(rung):
            yield from self._add(level + 1, handed)

    @staticmethod
    def _sparse(rung: list[U8]) -> list[U8]:
        return rung[:: max(1, -(-len(rung) // _HANDED_UP))]
