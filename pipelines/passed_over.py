"""Files that a job's globs and folders came across and did not take up, and why: nothing is left out without a word."""

from collections import defaultdict
from collections.abc import Collection

from reelmend.pipelines.stores.location import Location

_NAMES = 3
_LINES = 8


class PassedOver:
    """Collects them; hidden files do not count."""

    def __init__(self) -> None:
        self._places: dict[str, list[Location]] = defaultdict(list)

    def see(self, place: Location, why: str) -> None:
        if not place.name.startswith("."):
            self._places[why].append(place)

    def forget(self, used: Collection[Location]) -> None:
        """Masks were taken up after all, as what they are."""
        for why, places in self._places.items():
            self._places[why] = [place for place in places if place.resolve() not in used]

    @property
    def lines(self) -> list[str]:
        """One a reason, with the first names."""
        said = [f"skipped: {_named(places)}: {why}" for why, places in self._places.items() if places]
        return said[:_LINES] + ([f"and {len(said) - _LINES} reasons more"] if len(said) > _LINES else [])


def _named(places: list[Location]) -> str:
    more = f" and {len(places) - _NAMES} more" if len(places) > _NAMES else ""
    return ", ".join(map(str, places[:_NAMES])) + more
