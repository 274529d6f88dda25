"""Search for many keys in a sorted listing, reading only pages that may hold one.

Where the wanted keys lie close together, a page tells about a thousand of them; where they are scattered among others,
each costs a page, as a look at each would. It is never more.
"""

from collections.abc import Callable, Iterable, Iterator

from reelmend.pipelines.storage.location import Entry, RemotePath

Page = tuple[list[Entry], str | None]
"""Entries in the order of their keys, and the last key of the page, be it an entry's or not; None: no more behind."""


def scan(wanted: Iterable[str], page_after: Callable[[str], Page]) -> Iterator[tuple[str, Entry]]:
    """Yield the wanted keys that are there; `page_after(key)` returns a page of what sorts behind `key`.

    "" is a bucket's own folder, which is no key.
    """
    keys = set(wanted) - {""}
    rest = iter(sorted(keys, key=_order))
    next_key, read_to = next(rest, None), ""
    while next_key is not None:
        entries, looked_to = page_after(max(_just_before(next_key), read_to, key=_order))
        yield from ((_key(entry), entry) for entry in entries if _key(entry) in keys)
        if looked_to is None:
            return
        read_to = looked_to
        next_key = _first_behind(max(next_key, read_to, key=_order), rest)


def _first_behind(last: str, keys: Iterator[str]) -> str | None:
    return next((key for key in keys if _order(key) > _order(last)), None)


def _key(entry: Entry) -> str:
    assert isinstance(entry.place, RemotePath)
    return entry.place.key


def _order(key: str) -> bytes:
    """Listings are sorted by the bytes of a key's UTF-8."""
    return key.encode()


def _just_before(key: str) -> str:
    """Return a text that sorts before `key`, and close to it: the last character made smaller, then a large one."""
    smaller = chr(ord(key[-1]) - 1)
    return key[:-1] + (f"{smaller}~" if smaller.isprintable() else "")
