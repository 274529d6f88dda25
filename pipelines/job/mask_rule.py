"""Mask patterns: the mask of a video found by a glob."""

import difflib
import glob
import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.storage.globbing import Folders, composed
from reelmend.pipelines.storage.location import Location, location_of
from reelmend.pipelines.storage.suffixes import ANNOTATIONS, is_image, is_video_file

PLACEHOLDERS = ("stem", "name", "parent")


class MaskRule:
    """Resolves `input.masks`:

    - nothing: `<stem>_mask.*` or the folder `<stem>_mask` beside the video;
    - a pattern with {stem} (name without suffix), {name} or {parent}: `masks/{stem}_m.png`; `*` may stand for a suffix;
    - a folder with entries named after the videos (`a.png`, `a_mask.png`, `a/`): each video's own;
    - any other file or folder: one mask for all.

    A mask that does not exist is returned all the same: the probe names the path it looked for.
    """

    def __init__(self, rule: str | None, videos: Sequence[Location], folders: Folders) -> None:
        self._rule, self._folders = rule, folders
        self._by_name = self._is_folder_of_masks(rule, videos)
        for field in re.findall(r"{(.*?)}", rule or ""):
            if field not in PLACEHOLDERS:
                near = difflib.get_close_matches(field, PLACEHOLDERS, n=1, cutoff=0.0)[0]
                raise ConfigError(f"mask pattern {rule!r}: {{{field}}} is unknown; did you mean {{{near}}}?")

    def mask_of(self, video: Location) -> Location:
        stem = self._folders.stem(video)
        if not self._rule:
            return self._named_after(video, video.parent, ("_mask",)) or video.with_name(f"{stem}_mask.png")
        if self._by_name:
            folder = location_of(self._rule)
            return self._named_after(video, folder, ("", "_mask")) or folder / f"{stem}.png"
        named = {"{stem}": stem, "{name}": video.name, "{parent}": str(video.parent)}
        place = location_of(_fill(self._rule, named))
        if "*" not in location_of(self._rule).name:
            return self._folders.as_spelled(place)
        wanted = location_of(_fill(self._rule, {key: glob.escape(value) for key, value in named.items()})).name
        names = [entry.place for entry in self._folders.children(self._folders.as_spelled(place.parent))]
        return next((found for found in names if fnmatchcase(composed(found.name), composed(wanted))), place)

    def _is_folder_of_masks(self, rule: str | None, videos: Sequence[Location]) -> bool:
        if not rule:
            return False
        folder = location_of(rule)
        return self._folders.is_folder(folder) and any(
            self._named_after(video, folder, ("", "_mask")) for video in videos
        )

    def _named_after(self, video: Location, folder: Location, endings: Sequence[str]) -> Location | None:
        """Return the mask in `folder` that is called like the video plus one of `endings`; folders come first."""
        for ending in endings:
            wanted = self._folders.stem(video) + ending
            named = self._folders.by_stem(folder).get(composed(wanted), ())
            named = sorted(
                named, key=lambda entry: not entry.place.name.startswith(wanted)
            )  # spelled alike comes first
            called = [entry.place for entry in named if entry.is_folder]
            of_folders = [place for place in called if composed(place.name) == composed(wanted)]
            of_files = [entry.place for entry in named if not entry.is_folder and _may_be_mask(entry.place)]
            for mask in [*of_folders, *of_files]:
                if mask.resolve() != video.resolve():
                    return mask
        return None


def _fill(rule: str, named: Mapping[str, str]) -> str:
    return re.sub("|".join(named), lambda found: named[found[0]], rule)


def _may_be_mask(place: Location) -> bool:
    return is_image(place) or is_video_file(place) or place.suffix.lower() == ANNOTATIONS
