"""Writes the pictures of docs/concepts.md: `python docs/make_pictures.py` (a test checks that they are fresh).

Where things begin and end is asked of the planner itself, so a picture cannot say what a run does not do.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from reelmend.pipelines.engines.blocks import Range, lay_blocks, lay_segments, masked_ranges, plan_frames
from reelmend.pipelines.stages.cross_fade import blend_weight
from reelmend.pipelines.tasks import Block

FOLDER = Path(__file__).with_name("pictures")

FRAMES, CUT = 560, 230
MASKED = [(40, 200), (250, 400)]
BLOCK, OVERLAP, HALO, CHUNK, SEGMENT = 80, 5, 10, 140, 40
_WIDTH, _LEFT = 980, 130

_INK, _DIM, _EDGE, _PAPER = "#1d2736", "#56627a", "#3b4a63", "#ffffff"
_BLUE, _PALE, _ORANGE, _GREY, _HOLE = "#a3c1ec", "#dbe7f7", "#f2b66d", "#eef0f4", "#f6d8b4"


@dataclass
class Picture:
    """An SVG that grows by shapes; x and y in pixels from the upper left corner."""

    title: str
    height: int
    _shapes: list[str] = field(default_factory=list)

    def box(self, x: float, y: float, width: float, height: float, fill: str = _PAPER, *, dashed: bool = False) -> None:
        dashes = ' stroke-dasharray="4 3"' if dashed else ""
        place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
        self._shapes.append(f'<rect {place} rx="4" fill="{fill}" stroke="{_EDGE}" stroke-width="1.2"{dashes}/>')

    def text(self, x: float, y: float, said: str, *, middle: bool = False, note: bool = False) -> None:
        looks = f'fill="{_DIM}" font-size="12"' if note else f'fill="{_INK}"'
        anchor = ' text-anchor="middle"' if middle else ""
        self._shapes.append(f'<text x="{x:g}" y="{y:g}" {looks}{anchor}>{escape(said)}</text>')

    def path(self, points: Sequence[tuple[float, float]], colour: str = _EDGE, *, arrow: bool = False) -> None:
        line = " ".join(f"{x:g},{y:g}" for x, y in points)
        end = ' marker-end="url(#head)"' if arrow else ""
        self._shapes.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.6"{end}/>')

    def named(self, x: float, y: float, width: float, name: str, notes: Iterable[str], fill: str = _PAPER) -> None:
        """A box with a name and lines below it."""
        lines = list(notes)
        self.box(x, y, width, 30 + 17 * len(lines), fill)
        self.text(x + width / 2, y + 21, name, middle=True)
        for row, note in enumerate(lines):
            self.text(x + width / 2, y + 40 + 17 * row, note, middle=True, note=True)

    def svg(self) -> str:
        size = f'viewBox="0 0 {_WIDTH} {self.height}"'
        looks = 'font-family="system-ui, sans-serif" font-size="14" role="img"'
        head = f'<path d="M0 0 8 4 0 8z" fill="{_EDGE}"/>'
        marker = f'<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">{head}'
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" {size} {looks} aria-label="{escape(self.title)}">',
                f"<defs>{marker}</marker></defs>",
                f'<rect width="{_WIDTH}" height="{self.height}" fill="{_PAPER}"/>',
                *self._shapes,
                "</svg>\n",
            ]
        )


def cutting() -> Picture:
    """From a video to blocks, chunks and segments."""
    picture = Picture("How a video is cut into shots, blocks, chunks and flow segments", 330)
    shots = [(0, CUT), (CUT, FRAMES)]
    blocks = lay_blocks(shots, block_length=BLOCK, overlap=OVERLAP, halo=HALO)
    masked = masked_ranges(MASKED, FRAMES)
    segments, chunks = plan_frames(FRAMES, blocks, masked, chunk_length=CHUNK, segment_length=SEGMENT)
    working = {block for chunk in chunks for block in chunk.blocks}
    needed = {segment.index for segment in segments}

    def row(y: float, name: str, note: str, parts: Iterable[tuple[Range, str, str]]) -> None:
        picture.text(12, y + 15, name)
        picture.text(12, y + 31, note, note=True)
        for (start, stop), said, fill in parts:
            picture.box(_across(start), y, _across(stop) - _across(start) - 1.5, 36, fill, dashed=fill == _GREY)
            picture.text(_across((start + stop) / 2), y + 23, said, middle=True, note=True)

    row(12, "video", f"{FRAMES} frames", [((0, FRAMES), "", _PALE)])
    for start, stop in MASKED:
        picture.box(_across(start), 12, _across(stop) - _across(start), 36, _HOLE)
        picture.text(_across((start + stop) / 2), 35, "something is masked", middle=True, note=True)
    row(74, "shots", "at scene cuts", [(shot, f"shot {i}", _PALE) for i, shot in enumerate(shots, 1)])
    row(136, "blocks", "equal, fixed", [(_kept(one), "", _PALE if one in working else _GREY) for one in blocks])
    spans = [(chunk.blocks[0].start, chunk.blocks[-1].stop) for chunk in chunks]
    row(198, "chunks", "for one worker", [(span, f"chunk {i}", _BLUE) for i, span in enumerate(spans, 1)])
    laid = lay_segments(FRAMES, SEGMENT)
    row(260, "flow", "segments", [((s.start, s.stop), "", _BLUE if s.index in needed else _GREY) for s in laid])
    picture.text(
        _LEFT, 318, "dashed: nothing is masked there and no block looks there, so nothing is computed", note=True
    )
    return picture


def _kept(block: Block) -> Range:
    return block.start, block.stop


def _across(frame: float) -> float:
    return _LEFT + frame * (_WIDTH - _LEFT - 15) / FRAMES


def halo() -> Picture:
    """What a block sees, what is kept of it, and how it fades into its neighbours."""
    picture = Picture("What a block reads, what is kept, and how blocks are cross-faded", 300)
    first, block, last = lay_blocks([(0, 3 * BLOCK)], block_length=BLOCK, overlap=OVERLAP, halo=HALO)

    def at(frame: float) -> float:
        return _LEFT + (frame - 40) * (_WIDTH - _LEFT - 15) / 160

    def row(y: float, name: str, span: Range, said: str, fill: str) -> None:
        picture.text(12, y + 20, name)
        picture.box(at(span[0]), y, at(span[1]) - at(span[0]), 32, fill)
        picture.text(at((span[0] + span[1]) / 2), y + 21, said, middle=True, note=True)

    row(14, "reads", (block.seen_start, block.seen_stop), f"its frames and {OVERLAP} + {HALO} on each side", _GREY)
    row(58, "keeps", (block.kept_start, block.kept_stop), f"its frames and {OVERLAP} on each side", _PALE)
    row(102, "the block", (block.start, block.stop), f"frames {block.start} to {block.stop - 1}", _BLUE)
    top, bottom = 160, 250
    picture.text(12, top + 20, "its share of")
    picture.text(12, top + 38, "the output")
    for one, colour in ((first, _ORANGE), (block, _BLUE), (last, _ORANGE)):
        points = [(at(frame + 0.5), bottom - (bottom - top) * _share(one, frame)) for frame in range(40, 200)]
        picture.path(points, colour)
    for boundary in (block.start, block.stop):
        picture.path([(at(boundary), 96), (at(boundary), bottom + 8)], "#b8c0cd")
        picture.text(at(boundary), bottom + 24, f"{boundary}", middle=True, note=True)
    for frame, said in ((60, "the block before"), (180, "the block behind")):
        picture.text(at(frame), bottom + 40, said, middle=True, note=True)
    picture.text(at(120), bottom + 40, "both results of a frame are mixed by its number alone", middle=True, note=True)
    return picture


def _share(block: Block, frame: int) -> float:
    """The block's share (0..1) of a frame of the output."""
    if not block.kept_start <= frame < block.kept_stop:
        return 0.0
    fades_in = block.start > block.shot_start and frame < block.start + OVERLAP
    fades_out = block.stop < block.shot_stop and frame >= block.stop - OVERLAP
    share = float(blend_weight(frame, block.start, OVERLAP)) if fades_in else 1.0
    return share * (1 - float(blend_weight(frame, block.stop, OVERLAP)) if fades_out else 1.0)


def flow_cache() -> Picture:
    """Why a second mask costs no flow."""
    picture = Picture("Two runs with different masks share the optical flow of a video", 330)
    picture.named(20, 120, 150, "video", ["clip.mp4"], _PALE)
    picture.named(240, 30, 200, "mask of Monday", ["the logo"], _HOLE)
    picture.named(240, 240, 200, "mask of Friday", ["the microphone"], _HOLE)
    picture.named(240, 118, 200, "optical flow", ["computed on Monday,", "found on Friday"], _BLUE)
    picture.named(520, 30, 190, "parts of Monday", ["the logo's pixels"], _PALE)
    picture.named(520, 240, 190, "parts of Friday", ["the microphone's pixels"], _PALE)
    picture.named(780, 30, 180, "output of Monday", ["without the logo"], _PALE)
    picture.named(780, 240, 180, "output of Friday", ["without the microphone"], _PALE)
    for y in (54, 264):
        picture.path([(440, y), (516, y)], arrow=True)
        picture.path([(710, y), (776, y)], arrow=True)
    picture.path([(170, 143), (236, 143)], arrow=True)
    picture.path([(440, 140), (560, 140), (560, 82)], arrow=True)
    picture.path([(440, 160), (560, 160), (560, 236)], arrow=True)
    picture.text(590, 140, "key of a flow segment: the video's digest, which frames,", note=True)
    picture.text(590, 157, "size, method. No mask in it.", note=True)
    picture.text(590, 184, "key of a part: that, and the mask's digest, the engine's,", note=True)
    picture.text(590, 201, "the settings of the picture.", note=True)
    return picture


def resume() -> Picture:
    """What a kill costs."""
    picture = Picture("What is there when a run is killed, and what the same command does then", 300)
    done, lost, none = (_BLUE, "done"), (_ORANGE, "in work"), (_PAPER, "")
    killed = [[done] * 8, [done, done, done, done, done, lost, none, none], [done, done, lost] + [none] * 5]
    killed.append([none] * 8)
    found = {"done": (_PALE, "found"), "in work": (_BLUE, "now"), "": (_BLUE, "now")}
    halves: list[tuple[float, str, Callable[[tuple[str, str]], tuple[str, str]]]] = [
        (100, "killed: this is what the store holds", lambda task: task),
        (560, "the same command again", lambda task: found[task[1]]),
    ]
    for left, title, seen in halves:
        picture.text(left, 28, title)
        for column, name in enumerate(["probe", "flow", "flow", "flow", "chunk", "chunk", "chunk", "stitch"]):
            picture.text(left + 50 * column + 23, 56, name, middle=True, note=True)
        for row, tasks in enumerate(killed):
            for column, task in enumerate(tasks):
                fill, said = (_PALE, "found") if seen(task)[1] == "found" else seen(task)
                picture.box(left + 50 * column, 66 + 50 * row, 46, 36, fill, dashed=not said)
                picture.text(left + 50 * column + 23, 88 + 50 * row, said, middle=True, note=True)
    for row in range(len(killed)):
        picture.text(16, 89 + 50 * row, f"video {row + 1}")
    picture.path([(510, 158), (548, 158)], arrow=True)
    picture.text(
        100, 286, "What was in work is computed again, and nothing else: at most one task a worker.", note=True
    )
    return picture


PICTURES: dict[str, Callable[[], Picture]] = {
    "cutting.svg": cutting,
    "halo.svg": halo,
    "flow-cache.svg": flow_cache,
    "resume.svg": resume,
}


def main() -> None:
    for name, draw in PICTURES.items():
        (FOLDER / name).write_text(draw().svg())


if __name__ == "__main__":
    main()
