"""The words that a setting may be, where it is one of a few; `pipelines/config.py` says what each setting does."""

from enum import StrEnum


class Precision(StrEnum):
    fp32 = "fp32"
    bf16 = "bf16"
    fp16 = "fp16"


class Attention(StrEnum):
    auto = "auto"
    flash = "flash"
    efficient = "efficient"
    cudnn = "cudnn"
    math = "math"


class Compile(StrEnum):
    auto = "auto"
    on = "on"
    off = "off"


class OutOfMemory(StrEnum):
    fail = "fail"
    smaller = "smaller"


class OnGpuError(StrEnum):
    fail = "fail"
    cpu = "cpu"


class StillFrames(StrEnum):
    off = "off"
    equal = "equal"
    noise = "noise"


class WorkRegion(StrEnum):
    auto = "auto"
    frame = "frame"
    hole = "hole"


class NothingFound(StrEnum):
    fail = "fail"
    copy = "copy"


class TextKind(StrEnum):
    all = "all"
    captions = "captions"


class TextShape(StrEnum):
    strokes = "strokes"
    lines = "lines"


class Mode(StrEnum):
    inpaint = "inpaint"
    outpaint = "outpaint"
    masks = "masks"


class Codec(StrEnum):
    h264 = "h264"
    h265 = "h265"
    ffv1 = "ffv1"
    prores = "prores"
    png = "png"


class Chroma(StrEnum):
    auto = "auto"
    source = "source"
    halved = "halved"


class Sound(StrEnum):
    copy = "copy"
    convert = "convert"


class ExecutorName(StrEnum):
    auto = "auto"
    ray = "ray"
    inline = "inline"


class Existing(StrEnum):
    aside = "aside"
    refuse = "refuse"
    overwrite = "overwrite"


class Addressing(StrEnum):
    auto = "auto"
    path = "path"
    virtual = "virtual"


class LogFormat(StrEnum):
    auto = "auto"
    text = "text"
    json = "json"
