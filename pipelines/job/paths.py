"""Relative paths of a job, which start at the folder of the file that names them."""

import glob
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.registry import own_sections
from reelmend.pipelines.engines.weights.find import SUFFIXES as WEIGHT_SUFFIXES
from reelmend.pipelines.media.masks.expression import is_expression, read_expression
from reelmend.pipelines.storage.location import Location, is_url
from reelmend.pipelines.tasks import Item
from reelmend.pipelines.utils.user_paths import at_home, is_there


def rebase_paths(job: JobConfig, folders: Mapping[str, Location | None]) -> JobConfig:
    """Return the job with each path put into the folder of the key that named it; None or no entry leaves it.

    `~` is expanded everywhere.
    """

    def place(key: str, text: str) -> str:
        folder = folders.get(key)
        return _join(Path() if folder is None else folder, text)

    return _map_paths(job, place)


def absolute_paths(job: JobConfig) -> JobConfig:
    """Return the job with every path absolute, so that it means the same from any folder."""
    here = Path.cwd()
    return _map_paths(job, lambda _key, text: _join(here, text))


def absolute_item(item: Item) -> Item:
    """Return the item with every path absolute, as a worker's folder is another."""
    mask = item.mask and item.mask.absolute()
    return replace(item, video=item.video.absolute(), mask=mask, output=item.output.absolute())


def _map_paths(job: JobConfig, place: Callable[[str, str], str]) -> JobConfig:
    given, store = job.input, job.store

    def place_if(key: str, text: str | None) -> str | None:
        return None if text is None else place(key, text)

    def place_weights(key: str, text: str) -> str:
        """What has no suffix of weights is a name of the registry."""
        return place(key, text) if Path(text).suffix in WEIGHT_SUFFIXES else text

    sections = {
        spec.name: replace(section, **{w: place_weights(f"{spec.name}.{w}", getattr(section, w)) for w in spec.weights})
        for spec in own_sections()
        if spec.weights and (section := getattr(job, spec.name, None)) is not None
    }

    return replace(
        job,
        out=place("out", job.out),
        **sections,
        input=replace(
            given,
            videos=[_as_pattern(place("input.videos", video), video) for video in given.videos],
            masks=_masks(given.masks, lambda path: place("input.masks", path)),
            manifest=place_if("input.manifest", given.manifest),
            allowed=[place("input.allowed", folder) for folder in given.allowed],
        ),
        store=replace(
            store,
            root=place_if("store.root", store.root),
            flow=place_if("store.flow", store.flow),
            cache_dir=place_if("store.cache_dir", store.cache_dir),
        ),
        cost=replace(job.cost, rates=place_if("cost.rates", job.cost.rates)),
        s3=replace(job.s3, ca_bundle=place_if("s3.ca_bundle", job.s3.ca_bundle)),
    )


def _masks(written: str | None, place: Callable[[str], str]) -> str | None:
    """Place the file of a mask rule; an expression may name one."""
    if written is None or not is_expression(written):
        return None if written is None else place(written)
    expression = read_expression(written)
    return expression.text(place(expression.file)) if expression.file else written


def _join(folder: Location, text: str) -> str:
    if is_url(text):
        return text
    path = at_home(text)
    starts_at_video = text.startswith("{parent}")  # a mask rule that begins with the video's own folder
    return str(path) if path.is_absolute() or starts_at_video else str(folder / str(path))


def _as_pattern(placed: str, given: str) -> str:
    """Escape what is not a pattern, so that a bracket in a name stays a bracket.

    That is a video that is there under this very name, and the folder that was put before a real pattern.
    """
    if is_there(placed):
        return glob.escape(placed)
    pattern = str(Path(given))  # as `_join` has put it there
    return glob.escape(placed.removesuffix(pattern)) + pattern if placed.endswith(pattern) else placed
