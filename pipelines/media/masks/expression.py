"""Mask expressions: where a mask comes from, in words.

    text                                  burnt-in text, wherever it is
    text:0,70%,100%,30%@0s:10min          only in the lower part, only in the first ten minutes
    overlay + damage                      both
    masks/{stem}.png - box:0,0,100%,10%   a file without what is at the top
    text & box:5%,75%,90%,20%             what is in both
    track:120,80,60,90@2s                 the object in that box at 2 s, followed both ways; @2s:5s: from 2 s to 5 s
    points:150,120,-90,60@2s              the object at 150,120 but not at 90,60, followed both ways

Terms are combined from left to right: `+` adds, `-` takes away, `&` keeps what is in both. A sign between terms has
spaces around it; `+` between shapes needs none. At most one term names a file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from reelmend.pipelines.errors import ConfigError, MaskError
from reelmend.pipelines.media.frame_range import Edge, FrameRange, read_moment, read_range
from reelmend.pipelines.media.masks.drawn import (
    SHAPES,
    DrawnMask,
    Length,
    Shape,
    Size,
    read_drawn,
    read_length,
    sides_of,
)
from reelmend.pipelines.media.masks.sources.base import MaskSource
from reelmend.pipelines.media.masks.sources.registry import find_source, source_names, unknown_source

FILE = "file"
"""The word before a path in an expression."""
_SIGNS = "+-&"
_SPACED = re.compile(r"\s+([+&-])\s+")
_MOMENT = r"(?:\d+(?:\.\d+)?\s*(?:ms|s|min|h)?)"
_WHEN = re.compile(rf"@({_MOMENT}?:{_MOMENT}|{_MOMENT}:?)$")
"""When, at the end of what follows a source or a file."""


@dataclass(frozen=True)
class Click:
    """A point on an object, or next to it."""

    x: Length
    y: Length
    on: bool = True

    def __str__(self) -> str:
        return f"{'' if self.on else '-'}{self.x},{self.y}"


@dataclass(frozen=True)
class Term:
    """One source of an expression."""

    sign: str
    """How it is combined with what is left of it: `+`, `-` or `&`."""
    name: str
    """`box`, `polygon`, `file`, or that of a mask source."""
    region: tuple[Length, Length, Length, Length] | None = None
    """(left, top, width, height) that a source is given."""
    clicks: tuple[Click, ...] = ()
    """Points that a source is given."""
    path: str = ""
    """Of the file that the term names, as written."""
    range: FrameRange | None = None
    moment: Edge | None = None
    """When the region shows what a source is to follow both ways."""
    shape: Shape | None = None
    """Of a box or polygon, which has its range itself."""

    def box(self, size: Size) -> tuple[int, int, int, int] | None:
        """Return (left, top, right, bottom) of its region in a picture of the size (width, height), None without one.

        Raises MaskError where that is outside the picture.
        """
        if self.region is None:
            return None
        left, top, right, bottom = sides_of(self.region[:2], self.region[2:], size)
        if left >= right or top >= bottom:
            raise MaskError(f"mask {self.text('')}: is outside the picture, which has {size[0]}x{size[1]} pixels")
        return left, top, right, bottom

    def points(self, size: Size) -> tuple[tuple[float, float, bool], ...]:
        """Return (x, y, on the object) of its points in a picture of the size (width, height).

        Raises MaskError where one is outside the picture.
        """
        width, height = size
        found = tuple((float(click.x.of(width)), float(click.y.of(height)), click.on) for click in self.clicks)
        for click, (x, y, _) in zip(self.clicks, found, strict=True):
            if x > width or y > height:
                raise MaskError(
                    f"mask {self.text('')}: point {click} is outside the picture, which has {width}x{height} pixels"
                )
        return found

    def text(self, path: str) -> str:
        """Return the term as it is written, with another path where it has one."""
        if self.shape is not None:
            return self.shape.text
        argument = path if self.path else ",".join(map(str, self.region or self.clicks))
        range_text = f"@{self.range or self.moment}" if self.range or self.moment else ""
        return f"{self.name}{':' if argument else ''}{argument}{range_text}"


@dataclass(frozen=True)
class MaskExpression:
    """Terms, combined from left to right."""

    terms: tuple[Term, ...]

    def __str__(self) -> str:
        return self.text()

    def text(self, path: str | None = None) -> str:
        """Return it as it is written, equal ones alike; `path` stands for that of its file."""
        words = [f"{term.sign} {term.text(term.path if path is None else path)}" for term in self.terms]
        return " ".join(words).removeprefix("+ ")

    @property
    def file(self) -> str:
        """The path in it, empty where there is none."""
        return next((term.path for term in self.terms if term.path), "")

    @property
    def is_file(self) -> bool:
        """Whether it is nothing but a file, for all frames."""
        return len(self.terms) == 1 and self.terms[0].name == FILE and self.terms[0].range is None

    @property
    def drawn(self) -> DrawnMask | None:
        """The mask that it is without a look at any picture: shapes that are added; None for all others."""
        shapes = tuple(term.shape for term in self.terms if term.shape is not None and term.sign == "+")
        if len(shapes) < len(self.terms):
            return None
        return DrawnMask(shapes, "+".join(shape.text for shape in shapes))

    def refuse_outside(self, size: Size) -> None:
        """Raise MaskError where a shape or a region is outside a picture of the size (width, height) altogether."""
        for term in self.terms:
            if term.shape is not None:
                DrawnMask((term.shape,), term.shape.text).refuse_outside(size)
            term.box(size)
            term.points(size)

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the mask sources in it, each once."""
        return tuple(dict.fromkeys(term.name for term in self.terms if term.shape is None and term.name != FILE))


def is_expression(text: str) -> bool:
    """Whether a mask is named by an expression, and not by a path or a pattern of paths."""
    parts = _SPACED.split(f" {text.strip()} ")
    return any(_starts_with_word(part.strip()) for part in parts[::2])


@lru_cache(maxsize=256)
def read_expression(text: str) -> MaskExpression:
    """Read an expression. Raises ConfigError, naming the term that is wrong."""
    terms = tuple(_terms(text.strip()))
    files = [term.path for term in terms if term.path]
    if len(files) > 1:
        raise ConfigError(f"mask {text}: names {len(files)} files, at most one is possible; combine the files first")
    if terms[0].sign != "+":
        raise ConfigError(f"mask {text}: begins with {terms[0].sign!r}; begin with what it is taken from")
    return MaskExpression(terms)


def _terms(text: str) -> Iterator[Term]:
    parts = _SPACED.split(f" {text} ")
    for sign, part in zip(["+", *parts[1::2]], parts[::2], strict=True):
        part = part.strip()
        if not part:
            raise ConfigError(f"mask {text}: nothing stands next to {sign!r}; use TERM {sign} TERM")
        if _word_of(part) in SHAPES:
            for number, shape in enumerate(read_drawn(part).shapes):
                if number and sign != "+":
                    raise ConfigError(f"mask {text}: put spaces around each sign where not all of them are +")
                yield Term(sign, shape.kind, shape=shape)
        else:
            yield from _of_source(sign, part)


def _of_source(sign: str, part: str) -> Iterator[Term]:
    """A source, and shapes or sources that follow it after a `+` without spaces; or a file."""
    name = _word_of(part)
    if name == FILE or not _starts_with_word(part):
        yield _file(sign, part.removeprefix(f"{FILE}:").strip(), part)
        return
    source = find_source(name)
    if source is None:
        raise ConfigError(f"mask {part}: {unknown_source(name)}")
    argument = part[len(name) :].removeprefix(":").strip()
    if argument and not argument.startswith("@") and source.takes_painted and not _are_lengths(argument):
        path, within, moment = _split(argument)
        yield Term(sign, name, path=path, range=within, moment=moment)
        return
    first, plus, rest = part.partition("+")
    if plus and sign != "+":
        raise ConfigError(f"mask {part}: put spaces around each sign where not all of them are +")
    yield _found(sign, source, first[len(name) :].removeprefix(":").strip(), part)
    if plus:
        yield from _terms(rest)


def _found(sign: str, source: MaskSource, argument: str, part: str) -> Term:
    """Return the term of a source with its region, `argument` being what follows its name."""
    argument, at, when = argument.partition("@")
    within = moment = None
    if at and (":" in when or not source.needs_region):
        within = read_range(when)
    elif at:
        moment = read_moment(when)
    if argument.strip() and source.takes_points:
        return Term(sign, source.name, clicks=_clicks(argument, part), range=within, moment=moment)
    if argument.strip():
        return Term(sign, source.name, region=_region(argument, part), range=within, moment=moment)
    if source.takes_points:
        raise ConfigError(f"mask {part}: {source.name} needs a point; use {source.name}:X,Y")
    if source.needs_region:
        path = " or a mask file" if source.takes_painted else ""
        raise ConfigError(f"mask {part}: {source.name} needs a box{path}; use {source.name}:LEFT,TOP,WIDTH,HEIGHT")
    return Term(sign, source.name, range=within)


def _file(sign: str, argument: str, part: str) -> Term:
    path, within, moment = _split(argument)
    if moment is not None:
        path, within = argument, None  # only an object is followed from a moment: here it belongs to the file name
    if not path:
        raise ConfigError(f"mask {part}: names no file; use file:PATH")
    return Term(sign, FILE, path=path, range=within)


def _split(argument: str) -> tuple[str, FrameRange | None, Edge | None]:
    """Return (path, range, moment) of `PATH@START:STOP` or `PATH@MOMENT`; an `@` before anything else is the path's."""
    found = _WHEN.search(argument)
    if found is None:
        return argument, None, None
    path, when = argument[: found.start()].strip(), found[1]
    return (path, read_range(when), None) if ":" in when else (path, None, read_moment(when))


def _region(argument: str, part: str) -> tuple[Length, Length, Length, Length]:
    words = "".join(argument.split()).split(",")
    if len(words) != 4:
        raise ConfigError(f"mask {part}: a region has 4 numbers, not {len(words)}; use LEFT,TOP,WIDTH,HEIGHT")
    left, top, width, height = (read_length(word, part) for word in words)
    if not (width.value and height.value):
        raise ConfigError(f"mask {part}: the width and the height of a region have to be above 0")
    return left, top, width, height


def _clicks(argument: str, part: str) -> tuple[Click, ...]:
    """Read X,Y,X,Y; a minus sign before an X says that the point is not on the object."""
    words = "".join(argument.split()).split(",")
    if len(words) % 2:
        raise ConfigError(f"mask {part}: points are pairs of numbers, not {len(words)} numbers; use X,Y or X,Y,X,Y")
    clicks = tuple(
        Click(read_length(x.removeprefix("-"), part), read_length(y, part), not x.startswith("-"))
        for x, y in zip(words[::2], words[1::2], strict=True)
    )
    if not any(click.on for click in clicks):
        raise ConfigError(f"mask {part}: no point is on the object; give one without a minus sign")
    return clicks


def _are_lengths(argument: str) -> bool:
    """Whether it is numbers of pixels or percent, with or without a range."""
    return re.fullmatch(r"[\d.,%\s]+", argument.partition("@")[0]) is not None


def _word_of(part: str) -> str:
    found = re.match(r"[a-z][a-z0-9_]*", part)
    return found[0] if found else ""


def _starts_with_word(part: str) -> bool:
    """Whether a part begins with a word of expressions and what may follow one: `:`, `@`, `+`, or nothing."""
    word, rest = _word_of(part), part[len(_word_of(part)) :]
    if word in (*SHAPES, FILE):
        return rest.startswith(":")
    return word in source_names() and (not rest or rest[0] in ":@+")
