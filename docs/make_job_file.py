"""Writes docs/job-file.md and docs/job.schema.json from the config classes; a test checks that they are current.

Run `python docs/make_job_file.py`.
"""

import dataclasses
import json
from collections.abc import Iterator
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Any, get_type_hints

from reelmend.pipelines import config
from reelmend.pipelines.job.presets import preset_names
from reelmend.pipelines.job.schema import field_comments, job_schema

PAGE = Path(__file__).with_name("job-file.md")
SCHEMA = Path(__file__).with_name("job.schema.json")

HEAD = """# The job file

<!-- Written by `python docs/make_job_file.py` from pipelines/config.py: edit there. -->

A job is a YAML file. Every setting has a default; a run needs only videos and masks:

```yaml
input:
  videos: [in/*.mp4]
  masks: masks/{stem}_mask.png
out: restored
stitch:
  codec: ffv1
```

```sh
reelmend run job.yaml                          # use the settings in the file
reelmend run job.yaml stitch.crf=20            # override one setting
reelmend run job.yaml --preset fast            # apply a preset before the file
reelmend run job.yaml --preset cpu --preset fast      # several: later ones override earlier ones
reelmend run --videos 'in/*.mp4' --masks mask.png --out restored    # without a job file
```

Settings are read from four sources, and later sources override earlier ones: defaults (`conf/defaults.yaml`), [presets](#presets), job file, then `key=value` settings on the
command line. Paths in a job file are relative to the file; paths on the command line are relative to the current folder. Unknown keys are
rejected, with a suggestion. `reelmend run` writes the resolved job to `<out>/_reelmend/config.yaml`, but not the values of environment
variables (`${oc.env:NAME}`).

## Editor support

Editors complete and validate job files with a JSON schema ([`job.schema.json`](job.schema.json), generated from the same declarations as
this page). `reelmend schema` prints the schema of the installed version:

```sh
reelmend schema > job.schema.json
```

With the YAML language server (VS Code, Neovim, Helix, ...) refer to it in the first line of the job file:

```yaml
# yaml-language-server: $schema=job.schema.json
out: restored
```
"""

TAIL = """
## Manifest

Instead of `input.videos`, `input.manifest` (or `--manifest`) names a Parquet, CSV or JSONL file with one row per item:

| column | required | meaning |
|---|---|---|
| `video` | yes | container file or folder of images, relative to the manifest |
| `mask` | unless `mode: outpaint` | image, folder of images or video, relative to the manifest, or a [mask source](#mask-sources) such as `text` |
| `output` | | path inside `out`, with or without a suffix (the codec decides: `.mp4`, `.mov`, `.mkv`); default: the name of the video |
| `frames`, `width`, `height`, `fps` | | used by `reelmend plan` instead of opening the file; `fps` is also the frame rate of a folder of images |
| `range` | | the frames to restore, as in `frames`: `0:250`, `:3s`; the output is named after it unless the row has an `output` |
| `overrides` | | settings for this item only: `mask.dilation=8 stitch.crf=20`, a list of `KEY=VALUE`, or an object |

A manifest with two rows for the same output, or with an output outside `out`, is rejected before the run starts. A row with an unusable name (a line break, too long,
not UTF-8) is quarantined. Names match in both Unicode normalization forms (NFC, NFD). Restrict untrusted manifests with `input.allowed` and `limits`
([Security](security.md)).

## Masks

A mask is one image for the whole video, a folder of images, a video, or an annotation file; or reelmend draws or finds it
([below](#mask-sources)). White is removed, black is kept: a pixel is missing where its brightest channel is above `mask.threshold`. A folder with one image per frame is used in order. With fewer images, numeric names are frame
numbers, and frames without an image have no missing pixels. A mask with a different size is resized by nearest neighbour; a mask
with a different aspect ratio or length is rejected.

Common forms of masks are recognised:

| mask | read as |
|---|---|
| paint on a transparent layer | the alpha channel; if the colours vary as well, the pixels that are both bright and opaque are missing |
| no pixel above the threshold, and the levels look like labels (0 and 1, small numbers, a single grey level, 8-bit values in 16 bits) | every level except black is missing |
| colours of a label palette (VOC, DAVIS; PNGs with a palette) | every colour except black is missing |
| fewer images than frames | numbered from `mask.numbered_from`; by default from 1 if the numbers start at 1 or reach the number of frames, else from 0 |
| black marks what is missing | `mask.invert=true` |
| one number of a label image (grey, 16-bit or palette) | `mask.label=3`; in annotation files, the category |
| annotations (`.json`): COCO or YouTube-VIS, with polygons or run-length codes; or a list with one run-length code per frame | the regions; images are ordered by the numbers in their file names |
| a mask video with another frame rate and the same duration | each frame takes the mask shown at its time |

Ambiguous masks are reported before the run starts (of the first items), at the end of the run, in `reelmend status` and in the report: a mask that is empty only because of
the threshold, covers more than half of the picture (it may be inverted), has a slightly different aspect ratio than its video, has levels on both
sides of the threshold, has images for only some frames, marks only a few single pixels, or has one of the forms in the table above.
`reelmend run --strict` (`mask.strict`) quarantines such items instead; a job in which all masks are doubtful is then rejected. A picture with transparent parts is
rejected, because either the opaque or the transparent part could be the mask.

`input.masks` may be a pattern with `{stem}`, `{name}` or `{parent}`, a folder whose entries are named after the videos, or one path for all
videos. Without it, the mask is `<stem>_mask.*` or the folder `<stem>_mask` beside the video.

### Boxes and polygons

Instead of a path, `--masks`, `input.masks` and the manifest's column `mask` take shapes. In a CSV manifest, put them in quotes.

| shape | covers |
|---|---|
| `box:20,20,160,90` | a box: left, top, width, height, in pixels |
| `box:5%,80%,90%,15%` | the same in percent of the picture, for videos of any size |
| `polygon:100,40,180,60,120,160` | the area between the corners X,Y,X,Y,X,Y |
| `box:5%,80%,90%,15%@0s:12.5s` | only while it is shown: `START:STOP` in times or frames, as in `--frames` |
| `box:0,0,64,64+box:90%,0,10%,10%` | several shapes |

Coordinates refer to the picture as a player rotates it, in its own pixels. A box covers every pixel that it touches; what lies outside the picture is
cut off, and an item with a shape entirely outside is quarantined. `mask.dilation` grows shapes as it grows other masks.

### Mask sources

Instead of a path, a mask may also name what to find. reelmend then makes the mask from the pictures, on the workers, once per video; it is
kept with the intermediate results and used again by later runs.

| source | finds |
|---|---|
| `text` | burnt-in subtitles, captions and timestamps; needs `pip install 'reelmend[text]'` |
| `overlay` | logos and channel bugs that stand still while the picture moves, also semi-transparent ones |
| `damage` | dust, blotches, vertical scratches and dropped lines of film and tape |
| `track:120,80,60,90@2s` | the object in this box at 2 s, followed to both ends of its shot; `@2s:5s` from 2 s to 5 s |
| `track:first.png` | the object that is painted in the first mask of a file, followed |
| `points:320,240,-100,80@2s` | the object at 320,240, but not what is at 100,80, at 2 s, followed by SAM 2.1; needs `reelmend[sam]` and its weights |
| `sam:120,80,60,90@2s`, `sam:first.png` | as `track`, by SAM 2.1 |

`text`, `overlay` and `damage` look at the whole picture, or only in a region, and only in a range: `text:0,70%,100%,30%@0s:10min`. Sources,
shapes and a file can be combined, from left to right; put spaces around the signs:

| expression | covers |
|---|---|
| `text + box:85%,5%,10%,8%` | both |
| `text - box:0,0,100%,20%` | text, except in the upper fifth |
| `masks/{stem}.png & box:0,50%,100%,50%` | what is in both |

A file with a range is written `file:mask.png@0:5s`, and a file or folder called like a source `./text`. `mask.dilation` grows made masks as it grows others. `mask.persist` closes gaps
of a few frames in which a mask is missing, and `mask.fade` extends it before it appears and after it disappears. A video in which nothing is
found is left untouched, or quarantined with `mask.nothing_found=fail`.

See the masks before a run:

```sh
reelmend mask preview --videos 'in/*.mp4' --masks 'box:70%,5%,25%,12%' --out restored
```

`reelmend preview` restores a few seconds of some items where most is masked, and `reelmend run` reuses them. `reelmend mask make` writes masks as
lossless videos or PNG images, for editing. Another package can [add a source](how-to/add-a-mask-source.md).

A folder in `input.videos` means all videos in it, in every supported container; a pattern such as `in/**/*` includes nested folders.
Other files, and outputs of earlier runs below `out`, are skipped with a warning. A job in which no item can be restored (for example, all masks
or videos are missing) is rejected before the run starts.

## Outpainting

`mode: outpaint` extends the frame: the source is centred on a larger canvas, and the area around it is filled.

```sh
reelmend run --videos 'in/*.mp4' --out wider mode=outpaint outpaint.scale_w=1.33
```

- **Size.** Each side is the source's multiplied by its factor, rounded to the nearest even number; a factor of 1 keeps the side
  unchanged. Factors refer to the picture as a player shows it: in a video rotated by 90 degrees, `scale_w` extends the coded height.
  The picture is centred, its offset rounded down to whole chroma samples.
- **The source picture is unchanged**, sample for sample in its own pixel format, before encoding. Audio, timestamps and tags are kept as
  for inpainting.
- **Masks** are optional. A mask refers to the source's picture; the area it covers is restored as well, and `mask.dilation` grows it.
  Without `input.masks`, a mask beside the video is used if there is one; with it, every video needs a mask.
- **Flow** is computed on the source alone, so inpainting runs over the same videos share it.
- **Working size.** `process.max_side` limits the longest side of the canvas, which is scaled down as a whole. `flow.max_side` limits the
  longest side of the source's flow.
- **What to expect.** Areas that the camera shows at another time are recovered; areas that it never shows are invented. A run needs as
  much time and memory as with a mask that covers whole frames of the canvas size.
"""


def main() -> None:
    PAGE.write_text(page())
    SCHEMA.write_text(schema())


def page() -> str:
    """Return the page's text."""
    presets = "".join(f"\n### `{name}`\n\n{_purpose(name)}\n" for name in preset_names())
    return HEAD + "".join(_sections()) + "\n## Presets\n" + presets + TAIL


def schema() -> str:
    """Return the schema's text."""
    return json.dumps(job_schema(), indent=2) + "\n"


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
    comments, hints = field_comments(section), _hints(section)
    rows = [f"| `{prefix}{f.name}` | {_kind(hints[f.name])} | `{_default(f)}` | {comments[f.name]} |" for f in fields]
    return f"\n## {title}\n\n| key | type | default | meaning |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"


def _hints(section: Any) -> dict[str, Any]:
    return get_type_hints(section)


def _kind(hint: Any) -> str:
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return ", ".join(f"`{value}`" for value in hint)
    return {"str | None": "text", "str": "text", "list[str]": "list", "list[int]": "list of whole numbers", "int": "whole number", "int | None": "whole number", "int | str": "whole number, `auto`", "float": "number", "float | None": "number", "bool": "true, false", "Any": "text, mapping"}[
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
