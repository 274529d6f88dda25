"""Which mask belongs to a video found by a glob?"""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

from pipelines.errors import ConfigError
from pipelines.media.kinds import is_image, is_video_file

PLACEHOLDERS = ("stem", "name", "parent")


class MaskRule:
    """Resolves `input.masks`:

    - nothing: `<stem>_mask.*` or the folder `<stem>_mask` beside the video;
    - a pattern with {stem} (name without suffix), {name} or {parent}: `masks/{stem}_m.png`; `*` may stand for a suffix;
    - a folder with entries named after the videos (`a.png`, `a_mask.png`, `a/`): each video's own;
    - any other file or folder: one mask for all.

    A mask that does not exist is returned all the same: the probe names the path it looked for.
    """

    def __init__(self, rule: str | None, videos: Sequence[Path]) -> None:
        self._rule = rule
        self._by_name = self._is_folder_of_masks(rule, videos)
        for field in re.findall(r"{(.*?)}", rule or ""):
            if field not in PLACEHOLDERS:
                near = difflib.get_close_matches(field, PLACEHOLDERS, n=1, cutoff=0.0)[0]
                raise ConfigError(f"mask rule {rule!r}: {{{field}}} is not known; is it {{{near}}}?")

    def mask_of(self, video: Path) -> Path:
        if not self._rule:
            return _named_after(video, video.parent, ("_mask",)) or video.with_name(f"{_stem(video)}_mask.png")
        if self._by_name:
            folder = Path(self._rule)
            return _named_after(video, folder, ("", "_mask")) or folder / f"{_stem(video)}.png"
        path = Path(self._rule.format(stem=_stem(video), name=video.name, parent=video.parent))
        if "*" in path.name:
            return next(iter(sorted(path.parent.glob(path.name))), path)
        return path

    @staticmethod
    def _is_folder_of_masks(rule: str | None, videos: Sequence[Path]) -> bool:
        folder = Path(rule or "")
        return bool(rule) and folder.is_dir() and any(_named_after(video, folder, ("", "_mask")) for video in videos)


def _stem(video: Path) -> str:
    return video.name if video.is_dir() else video.stem


def _named_after(video: Path, folder: Path, endings: Sequence[str]) -> Path | None:
    """Return the mask in `folder` that is called like the video plus one of `endings`."""
    for ending in endings:
        wanted = _stem(video) + ending
        if (folder / wanted).is_dir() and (folder / wanted).resolve() != video.resolve():
            return folder / wanted
        for entry in sorted(folder.glob(f"{_escaped(wanted)}.*")):
            if (
                entry.stem == wanted
                and (is_image(entry) or is_video_file(entry))
                and entry.resolve() != video.resolve()
            ):
                return entry
    return None


def _escaped(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)
