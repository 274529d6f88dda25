"""Writes docs/job-file.md from the config classes: `python docs/make_job_file.py` (a test checks that it is fresh)."""

import ast
import dataclasses
import inspect
from collections.abc import Iterator
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Any, get_type_hints

from pipelines import config
from pipelines.job import preset_names

PAGE = Path(__file__).with_name("job-file.md")

HEAD = """# The job file

<!-- Written by `python docs/make_job_file.py` from pipelines/config.py: edit there. -->

A job is a YAML file; everything in it has a default, and a run needs only videos and masks:

```yaml
input:
  videos: [in/*.mp4]
  masks: masks/{stem}_mask.png
out: restored
stitch:
  codec: ffv1
```

```sh
reelmend run job.yaml                          # the file
reelmend run job.yaml stitch.crf=20            # one setting changed
reelmend run job.yaml --preset fast            # a preset under the file
reelmend run --videos 'in/*.mp4' --masks mask.png --out restored    # no file at all
```

Later beats earlier: defaults (`conf/defaults.yaml`), preset (`conf/presets/`), job file, then `key=value` words on the command line. Paths
in a job file are relative to the file; paths on the command line to the current folder. A key that does not exist is
refused with the nearest one that does. `reelmend run` writes the resolved job to `<out>/_reelmend/config.yaml`; what
`${oc.env:NAME}` stood for is not written there.
"""

TAIL = """
## Manifest

Instead of `input.videos`, `input.manifest` (or `--manifest`) names a Parquet, CSV or JSONL file with one row an item:

| column | needed | meaning |
|---|---|---|
| `video` | yes | container file or folder of images, relative to the manifest |
| `mask` | unless it outpaints | image, folder of images or video, relative to the manifest |
| `output` | | path inside `out`, with or without suffix (`.mp4`, `.mov`, `.mkv`: the codec decides); default: the video's name |
| `frames`, `width`, `height`, `fps` | | what `reelmend plan` may trust without opening the file; `fps` is also the rate of a folder of images |
| `overrides` | | settings of this item only: `mask.dilation=8 stitch.crf=20`, a list of such, or an object |

Two rows with one output are refused before any work, and so is an output outside `out`; a row with a name that cannot be used (a line
break, too long, not UTF-8) is quarantined. Names match however their accents are spelled (NFC, NFD). A manifest that others write can be held
to `input.allowed` and `limits` ([Security](security.md)).

## Masks

A mask is one image for the whole video, a folder of images, or a video. White is removed, black is kept: a pixel is missing
where the level of its brightest channel is above `mask.threshold`. A folder with one image a frame is taken in order; with fewer,
names that are numbers are frame numbers, and frames without an image have nothing missing. A mask of another size is resized by
nearest neighbour; one of another shape or length is refused.

Masks are read as programs save them:

| mask | read as |
|---|---|
| paint on a transparent layer | its shape is in the alpha channel; where colours vary too, what is bright and opaque is missing |
| labels 0 and 1, small labels, one grey, 8-bit values in 16 bits, and nothing above the threshold | every level but black is missing |
| colours of a label palette (VOC, DAVIS; PNGs with a palette) | every colour but black is missing |
| fewer images than frames | numbered as `mask.numbered_from` says; else from 1 where they begin with 1 or reach the number of frames, else from 0 |

What may be meant otherwise is said: in the log, at the end of the run, in `reelmend status` and in the report. That is a mask that is
empty by its threshold alone, that covers more than half of the picture (an inverted one does), that has nearly but not quite the shape
of its video, whose levels lie on both sides of the threshold, that has images for some frames only, or that is of the kinds above. A
picture with transparent parts is refused: either half could be meant.

`input.masks` may be left out (the mask is `<stem>_mask.*` or the folder `<stem>_mask` beside the video), be a pattern with
`{stem}`, `{name}` or `{parent}`, a folder whose entries are named after the videos, or one path for all videos.

A folder in `input.videos` stands for the videos in it, of every container that can be restored; a pattern such as `in/**/*` goes
through folders. What else lies there is said to be passed over, and what an earlier run wrote below `out` is no input. A job of
which nothing can be restored (no mask, no video) is refused before anything starts.

## Outpainting

`mode: outpaint` makes the picture larger: the source lies in the middle of a canvas, and what is around it is restored.

```sh
reelmend run --videos 'in/*.mp4' --out wider mode=outpaint outpaint.scale_w=1.33
```

- **Size.** Each side is the source's times its factor, rounded to the nearest even number; a side whose factor is 1 keeps
  its length. Factors are those of the picture as a player shows it: on a video that is turned by 90 degrees, `scale_w`
  lengthens the coded height. The picture's offset is half of what is added, rounded down to whole chroma samples.
- **The picture stays the source's**, sample for sample in its own pixel format. Where its edge cuts a chroma sample in two
  (an odd side), that sample stays the source's as well. Sound, timestamps and tags are kept as always.
- **Masks** are optional. One that is there shows the source's picture, and what it covers is restored too. `mask.dilation`
  grows it and leaves the surroundings as they are. Without `input.masks`, a mask that lies beside its video is taken; with it,
  every video needs its mask.
- **Flow** is measured on the source alone, and so shared with an inpainting run over the same videos. It is laid on the
  canvas when it is read, with zeros around the picture.
- **Working size.** `process.max_side` is the longest side of the canvas. The canvas is made smaller as a whole, so that the
  picture keeps its place in it exactly; an edge pixel that is only partly the picture's is restored. `flow.max_side` is
  the longest side of the source's flow, which on the canvas is as fine as it was measured, but never finer than what is
  restored.
- **What to expect.** What the camera shows at another time is found again; what it never shows is made up, and the
  `propagation` engine only continues the edge smoothly there. Time and memory are those of a mask over a whole frame of
  the canvas' size.
"""


def main() -> None:
    PAGE.write_text(page())


def page() -> str:
    """Return the page's text."""
    presets = "".join(f"\n### `{name}`\n\n{_purpose(name)}\n" for name in preset_names())
    return HEAD + "".join(_sections()) + "\n## Presets\n" + presets + TAIL


def _sections() -> Iterator[str]:
    plain = [
        f
        for f in dataclasses.fields(config.JobConfig)
        if not dataclasses.is_dataclass(_hints(config.JobConfig)[f.name])
    ]
    yield _table("The job", config.JobConfig, plain, "")
    for field in dataclasses.fields(config.JobConfig):
        section = _hints(config.JobConfig)[field.name]
        if dataclasses.is_dataclass(section):
            yield _table(f"`{field.name}`", section, dataclasses.fields(section), f"{field.name}.")


def _table(title: str, section: Any, fields: Any, prefix: str) -> str:
    comments, hints = _comments(section), _hints(section)
    rows = [f"| `{prefix}{f.name}` | {_kind(hints[f.name])} | `{_default(f)}` | {comments[f.name]} |" for f in fields]
    return f"\n## {title}\n\n| key | type | default | meaning |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"


def _comments(section: Any) -> dict[str, str]:
    """Return the text under each field."""
    (tree,) = ast.parse(inspect.getsource(section)).body
    assert isinstance(tree, ast.ClassDef)
    return {
        field.target.id: " ".join(text.value.value.split())
        for field, text in zip(tree.body, tree.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
    }  # fmt: skip


def _hints(section: Any) -> dict[str, Any]:
    return get_type_hints(section)


def _kind(hint: Any) -> str:
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return ", ".join(f"`{value}`" for value in hint)
    return {"str | None": "text", "str": "text", "list[str]": "list", "list[int]": "list of whole numbers", "int": "whole number", "int | None": "whole number", "float": "number", "bool": "true, false"}[
        hint.__name__ if isinstance(hint, type) and not hasattr(hint, "__args__") else str(hint)
    ]  # fmt: skip


def _default(field: Any) -> Any:
    value = field.default_factory() if field.default is dataclasses.MISSING else field.default
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else value


def _purpose(preset: str) -> str:
    """Return the comment that opens a preset's file and the settings below it."""
    text = (Path(config.__file__).parents[1] / "conf" / "presets" / f"{preset}.yaml").read_text()
    comment = [line[2:] for line in text.splitlines() if line.startswith("#")]
    settings = [line for line in text.splitlines() if line and not line.startswith("#")]
    parts = [
        _fence("sh", [line.strip() for line in lines]) if indented else "\n".join(lines)
        for indented, lines in groupby(comment, lambda line: line.startswith("  "))
    ]
    return "\n".join([*parts, "", _fence("yaml", settings)])


def _fence(language: str, lines: list[str]) -> str:
    return "\n".join([f"```{language}", *lines, "```"])


if __name__ == "__main__":
    main()
