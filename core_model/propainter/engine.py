"""ProPainter as an engine: restores a shot block by block.

Zhou et al., "ProPainter: Improving Propagation and Transformer for Video Inpainting", ICCV 2023.
"""

import weakref
from collections.abc import Callable

import numpy as np

from reelmend.core_model.device.compilation import compile_hot_parts, warm_up
from reelmend.core_model.device.graphed_parts import graph_hot_parts
from reelmend.core_model.device.memory import full_device_named
from reelmend.core_model.device.memory_budget import DeviceRoom
from reelmend.core_model.engine import Restored, Shot
from reelmend.core_model.networks.flow_completion import FlowCompletion
from reelmend.core_model.networks.generator import InpaintGenerator
from reelmend.core_model.propainter.options import RestoreOptions
from reelmend.core_model.propainter.prepared_shot import SIDE_MULTIPLE_PX
from reelmend.core_model.propainter.restoration import Restoration

Networks = tuple[FlowCompletion, InpaintGenerator]

_HELD_FRAMES = 16
"""Last frames of a run that are held for one that overlaps it: more than blocks do, and 100 MB of 1920x1080."""


class ProPainterEngine:
    """Flow completed, images propagated, the rest generated; see `reelmend.core_model.engine.Engine`.

    Adjacent blocks of one shot share what they have in common. Masks are taken as they are, without dilation.
    """

    name = "propainter"

    def __init__(self, load: Callable[[], Networks], digest: str, options: RestoreOptions) -> None:
        """`load` returns the networks on their device, when they are needed first; `digest` names their weights."""
        self.digest = f"propainter-1-{digest}-{options.picture}"
        self._load, self._options = load, options
        self._networks: Networks | None = None
        self._compiled = False
        self._room: DeviceRoom | None = None
        self._courses: dict[int, _Course] = {}
        """By the id of a shot, as long as that is there: regions of a video take turns, each a shot for itself."""

    def warm(self, size: tuple[int, int] | None) -> None:
        networks = self._loaded()
        if size is not None and self._compiled:
            height, width = (side + -side % SIDE_MULTIPLE_PX for side in size)
            warm_up(networks, self._options.execution, (height, width))

    def restore(self, shot: Shot, start: int, stop: int) -> Restored:
        if not 0 <= start < stop <= shot.frames:
            raise ValueError(f"restore: expected frames of a shot of {shot.frames}, got [{start}, {stop})")
        height, width = shot.size
        with full_device_named(f"a block of {stop - start} frames of {width}x{height}"):
            return self._course_of(shot).restore(start, stop)

    def _course_of(self, shot: Shot) -> "_Course":
        """Return the one that the shot was begun with; what it keeps goes when the caller lets go of the shot."""
        if id(shot) not in self._courses:
            self._courses[id(shot)] = _Course(self._begin(weakref.proxy(shot)))
            weakref.finalize(shot, self._courses.pop, id(shot), None).atexit = False
        return self._courses[id(shot)]

    def _loaded(self) -> Networks:
        if self._networks is None:
            self._networks = self._load()
            device = self._networks[1].ss.embedding.weight.device
            self._compiled = bool(compile_hot_parts(self._networks, self._options.execution.compile, device).compiled)
            if self._options.execution.cuda_graphs:
                graph_hot_parts(self._networks)
        return self._networks

    def _begin(self, shot: Shot) -> Restoration:
        completion, generator = self._loaded()
        if self._room is None:
            self._room = DeviceRoom.on(generator.ss.embedding.weight.device, self._options.window_batch)
        return Restoration(shot, completion, generator, self._options, self._room)


class _Course:
    """The restoration of a shot, run by run, and the end of the last run."""

    def __init__(self, restoration: Restoration) -> None:
        self._restoration = restoration
        self._end: tuple[int, Restored] | None = None
        """With the number of its first frame."""

    def restore(self, start: int, stop: int) -> Restored:
        restored = self._continued(start, stop)
        held = min(stop - start, _HELD_FRAMES)
        self._end = stop - held, Restored(restored.frames[-held:].copy(), restored.away[-held:].copy())
        return restored

    def _continued(self, start: int, stop: int) -> Restored:
        """Restore a run that may begin with the last frames of the one before: these are the same again."""
        if self._end is not None:
            first, end = self._end
            reached = first + len(end.frames)
            if first <= start < reached < stop:
                more = self._restoration.restore(reached, stop)
                frames = np.concatenate((end.frames[start - first :], more.frames))
                away = np.concatenate((end.away[start - first :], more.away))
                return Restored(frames, away, windows=self._restoration.count_windows(start, stop))
        self._end = None
        return self._restoration.restore(start, stop)
