"""Stitch stage: streams the source once and composites the parts onto its frames."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

import av

from reelmend.core_model.device.recovery import AS_ASKED, RECOVERY, RecoveryStep, recovery_note, step_named
from reelmend.core_model.engine import WindowCount
from reelmend.core_model.progress import PROGRESS
from reelmend.core_model.quality import FrameQuality
from reelmend.pipelines.engines.registry import weights_facts
from reelmend.pipelines.media.boxes import Box
from reelmend.pipelines.media.canvas.canvas import canvas_of
from reelmend.pipelines.media.canvas.framing import lay_frame, on_canvas
from reelmend.pipelines.media.capabilities import check_output, verify_output
from reelmend.pipelines.media.composite import paste_rgb
from reelmend.pipelines.media.excerpt import excerpt_of
from reelmend.pipelines.media.reader import read_frames
from reelmend.pipelines.media.records import VideoInfo
from reelmend.pipelines.media.writer import VideoWriter
from reelmend.pipelines.stages.cross_fade import blend, blend_weight
from reelmend.pipelines.stages.finished import draft_facts, record_finished
from reelmend.pipelines.stages.inpaint import chosen_part
from reelmend.pipelines.stages.parts import Part, Patch
from reelmend.pipelines.stages.preview_strip import PreviewMaker
from reelmend.pipelines.stages.refinement import BlockCount
from reelmend.pipelines.stages.review import quality_facts, with_verdict, worst_moment
from reelmend.pipelines.stages.steady import held_to
from reelmend.pipelines.stages.there_before import Way
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.stages.zoom import union
from reelmend.pipelines.storage.ledger import ItemFacts
from reelmend.pipelines.storage.staging import staged
from reelmend.pipelines.tasks import Block, StitchReceipt, StitchTask


def stitch(task: StitchTask, worker_context: WorkerContext) -> StitchReceipt:
    item, job, record = task.item, worker_context.settings(task.item), worker_context.record(task)
    canvas = canvas_of(record.info, job)
    within = record.frames_of(job)
    frames = range(*within) if within else range(record.info.frames)
    info, excerpt = excerpt_of(record.info, within)
    output = on_canvas(info, canvas)
    patches = PatchTrack(task, worker_context, frames)
    masked, shots = (_cut(ranges, frames) for ranges in (record.mask.masked, record.shots))
    preview = PreviewMaker(output, replace(record.mask, masked=masked), shots, patches)
    way = Way(item, item.output, (record.video_digest, record.mask_digest), worker_context)
    with (
        staged(item.output, worker_context.files, worker_context.context.cache_dir, way.make) as path,
        held_to(record, worker_context, mask=True) as sources,
    ):
        with VideoWriter(path, output, job.stitch, excerpt) as writer:
            for index, source in zip(frames, read_frames(record.info, frames.start, frames.stop), strict=True):
                frame = lay_frame(source, canvas, record.info)
                patch = patches.at(index)
                restored = _paste(frame, patch, output) if patch else frame
                preview.see(index, frame, restored, patch)
                writer.write(restored)
                PROGRESS.frame()
        written = verify_output(path, output, job.stitch, excerpt)

    counted = patches.count.facts(patches.qualities, worker_context.engine_names[-1])
    own = ItemFacts(engine=job.engine).to_map() | counted | draft_facts(record, item, worker_context)
    if worker_context.pair is None or ItemFacts.from_map(counted).refined_blocks:
        own |= weights_facts(worker_context.context.weights)
    facts = record.facts(within) | written | own
    smaller = len(patches.notes) or None
    facts |= ItemFacts(blocks_restored_smaller=smaller, restored_side=task.plan.side).to_map()
    recovery = max(RECOVERY[task.recovery], *patches.recovery, key=RECOVERY.index)
    if recovery is not AS_ASKED:
        facts |= ItemFacts(cuda_recovery=recovery.name).to_map()
    if patches.windows.all:
        facts |= ItemFacts(windows=patches.windows.all, windows_exited=patches.windows.exited).to_map()
    facts |= quality_facts(patches.qualities)
    facts |= preview.save(worker_context.context.work, worker_context.files)
    known = ItemFacts.from_map(facts)
    told = [known.mask_note] if known.mask_note else []
    note = "; ".join(
        [*told, *check_output(output, job.stitch), *writer.remarks, *patches.notes, *recovery_note(recovery)]
    )
    done = record_finished(item, "restored", item.output, sources, note, facts, worker_context)
    way.end()
    facts = with_verdict(done.facts, job.quality.review_below) | way.facts
    note = "; ".join(filter(None, [note, way.note]))
    return StitchReceipt(task.id, frames=len(frames), bytes_written=known.bytes or 0, note=note, facts=facts)


def _cut(ranges: Sequence[tuple[int, int]], frames: range) -> tuple[tuple[int, int], ...]:
    """Return what of ranges [start, stop) lies in `frames`."""
    cut = ((max(start, frames.start), min(stop, frames.stop)) for start, stop in ranges)
    return tuple((start, stop) for start, stop in cut if start < stop)


def _paste(frame: av.VideoFrame, patch: Patch, output: VideoInfo) -> av.VideoFrame:
    return paste_rgb(frame, patch.rgb, patch.mask, patch.left, patch.top, output)


class PatchTrack:
    """The item's patches in frame order; holds the parts of two blocks, three where asked ahead, and one patch."""

    def __init__(self, task: StitchTask, worker_context: WorkerContext, frames: range = range(sys.maxsize)) -> None:
        """`frames`: those that `at` will be asked for, if not for all."""
        self._frames = frames
        self._task, self._worker_context, self._overlap = (
            task,
            worker_context,
            worker_context.settings(task.item).plan.overlap,
        )
        self._coming = iter([block for chunk in task.plan.chunks for block in chunk.blocks])
        self._next = next(self._coming, None)
        self._open: list[tuple[Block, Part]] = []
        self._unjudged: list[tuple[Block, Part]] = []
        self.count = BlockCount(frames)
        """Of the blocks so far."""
        self.notes: list[str] = []
        """What a person should know of the parts so far."""
        self.recovery: list[RecoveryStep] = [AS_ASKED]
        """By which the parts so far were computed."""
        self.qualities: list[tuple[int, FrameQuality]] = []
        """Of the frames so far that have a hole, each as the block measured it whose [start, stop) holds it."""
        self.windows = WindowCount(0, 0)
        """Of the parts so far, where they say."""

    def at(self, index: int) -> Patch | None:
        """Return the patch of video frame `index`, or None where nothing was masked. Ask for frames in order."""
        self._open_until(index)
        self._open = [(block, part) for block, part in self._open if index < block.kept_stop]
        found = [(block, patch) for block, part in self._open if (patch := part.patch(index)) is not None]
        self.qualities += [(index, patch.quality) for block, patch in found if block.start <= index < block.stop]
        if len(found) < 2:
            return found[0][1] if found else None
        (_, earlier), (block, later) = found
        (number,) = [part.distinct_number for other, part in self._open if other is block]
        weight = blend_weight(number(index), number(block.start), self._overlap)
        return replace(later, rgb=blend(earlier.rgb, later.rgb, weight))

    def worst_to_come(self) -> tuple[float, int] | None:
        """Return score and frame of the worst moment of the blocks that were opened since this was asked last."""
        frames = [
            (index, quality)
            for block, part in self._unjudged
            for index in range(max(block.start, self._frames.start), min(block.stop, self._frames.stop))
            if (quality := part.quality(index)) is not None
        ]
        self._unjudged = []
        return worst_moment(frames) if frames else None

    def hole_over(self, start: int, stop: int) -> Box | None:
        """Return the box around the patches of frames [start, stop), none of which `at` has gone past."""
        self._open_until(stop - 1)
        boxes = (part.box(index) for _, part in self._open for index in range(start, stop))
        return reduce(union, boxes, None)

    def _open_until(self, index: int) -> None:
        while self._next is not None and self._next.kept_start <= index:
            chosen = chosen_part(self._next, self._task, self._worker_context)
            part = Part(chosen.part)
            self.count.see(self._next, part, None if chosen.draft is None else Part(chosen.draft))
            if part.side:
                which = f"{self._next.start}-{self._next.stop - 1}"
                self.notes.append(
                    f"frames {which} were restored at {part.side} px, because GPU memory was insufficient"
                )
            self.recovery.append(step_named(part.recovery))
            self.windows = WindowCount(self.windows.all + part.windows.all, self.windows.exited + part.windows.exited)
            self._open.append((self._next, part))
            self._unjudged.append((self._next, part))
            self._next = next(self._coming, None)
