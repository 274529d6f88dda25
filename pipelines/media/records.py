"""Records about a video: frozen, small enough to send, exact as JSON."""

from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from reelmend.pipelines.media.side_data import NO_MASTERING, Mastering


@dataclass(frozen=True)
class ColourTags:
    """What the file says about its colours, as the numbers of ITU-T H.273 (2: unspecified)."""

    primaries: int
    transfer: int
    matrix: int
    range: int
    """0 unspecified, 1 limited (16..235), 2 full (0..255)."""


@dataclass(frozen=True)
class StreamInfo:
    """A stream of the file other than the restored video."""

    index: int
    kind: str
    """audio, subtitle, attachment, data, video (a further picture track), cover (a picture that is none) or unknown."""
    codec: str
    language: str
    """As the file says (`eng`); empty when it does not."""


@dataclass(frozen=True)
class VideoHeader:
    """What a glance tells; `frames` may be a guess or missing, `variable_rate` and `notes` speak of the beginning."""

    path: Path
    is_folder: bool
    codec: str
    width: int
    height: int
    frames: int | None
    rate: Fraction
    pixel_format: str
    rotation: int
    sample_aspect: Fraction
    colour: ColourTags
    streams: tuple[StreamInfo, ...]
    container: str
    notes: tuple[str, ...] = ()
    variable_rate: bool = False
    mirrored: bool = False
    first_field: str = ""
    mastering: Mastering = NO_MASTERING
    chroma_place: int = 0
    stereo: str = ""

    @property
    def display_size(self) -> tuple[int, int]:
        """(width, height) in pixels after the rotation."""
        return turned_size(self.width, self.height, self.rotation)


@dataclass(frozen=True)
class VideoInfo:
    """Everything about a video that a later step relies on. Its frames are known to decode."""

    path: Path
    is_folder: bool
    codec: str
    width: int
    """Coded size in pixels, before rotation and sample aspect; so is `height`."""
    height: int
    frames: int
    pts: tuple[int, ...]
    """Ascending presentation timestamps in `time_base`; 0..n-1 for a folder."""
    time_base: Fraction
    """Seconds a tick."""
    rate: Fraction
    """Frames per second, on average."""
    variable_rate: bool
    pixel_format: str
    """Format of the frames that `read_frames` yields: the file's, or the nearest one that can be pasted into."""
    rotation: int
    """Degrees clockwise by which a player turns the coded picture, once it is mirrored: 0, 90, 180, 270."""
    sample_aspect: Fraction
    colour: ColourTags
    streams: tuple[StreamInfo, ...]
    container: str
    display_matrix: tuple[int, ...] | None = None
    """The file's 3x3 display matrix (rotation and mirroring) in FFmpeg's layout."""
    seekable: bool = True
    """False when timestamps are missing or out of order: frames are then found by counting from the start."""
    notes: tuple[str, ...] = ()
    """For a person: what of the file is not kept or had to be repaired."""
    mirrored: bool = False
    """A player shows the coded picture's left at the right, before it turns it."""
    first_field: str = ""
    """Which lines of an interlaced frame are shown first, `top` or `bottom`; empty: all at once."""
    mastering: Mastering = NO_MASTERING
    chroma_place: int = 0
    """Where samples of halved chroma lie, as FFmpeg numbers it (`side_data`); 0: not known."""
    stereo: str = ""
    """How two views share a frame, as H.264's frame packing numbers it; empty for one view."""
    joints: tuple[tuple[int, int], ...] = ()
    """(frame, ticks) from which on the file's clock is another one, and what is added to its times."""
    key_gap: int = 0
    """Frames from one key frame to the next, at most; reading starts at a key frame."""

    @property
    def display_size(self) -> tuple[int, int]:
        """(width, height) in pixels after the rotation."""
        return turned_size(self.width, self.height, self.rotation)

    @property
    def duration_s(self) -> float:
        """From the first frame's start to the last one's end, which is taken to last as long as the average."""
        return float((self.pts[-1] - self.pts[0]) * self.time_base + 1 / self.rate)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON can hold it; `from_dict` gives back an equal one."""
        record = asdict(self)
        for key in ("time_base", "rate", "sample_aspect"):
            record[key] = str(record[key])
        return record | {"path": str(self.path), "pts": list(self.pts)}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> "VideoInfo":
        """Undo `to_dict`."""
        fields = dict(record)
        for key in ("time_base", "rate", "sample_aspect"):
            fields[key] = Fraction(fields[key])
        matrix = fields["display_matrix"]
        return cls(
            **fields
            | {
                "path": Path(fields["path"]),
                "pts": tuple(fields["pts"]),
                "colour": ColourTags(**fields["colour"]),
                "streams": tuple(StreamInfo(**stream) for stream in fields["streams"]),
                "display_matrix": None if matrix is None else tuple(matrix),
                "notes": tuple(fields["notes"]),
                "joints": tuple((frame, shift) for frame, shift in fields["joints"]),
                "mastering": Mastering(**fields["mastering"]),
            }
        )


def turned_size(width: int, height: int, rotation: int) -> tuple[int, int]:
    """Return (width, height) after a turn by `rotation` degrees, a multiple of 90."""
    return (height, width) if rotation in (90, 270) else (width, height)
