"""ProPainter as an engine: restores a shot block by block.

Zhou et al., "ProPainter: Improving Propagation and Transformer for Video Inpainting", ICCV 2023.
"""

from collections.abc import Callable

import numpy as np

from reelmend.core_model.device.compilation import compile_hot_parts, warm_up
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
        self._shot: Shot | None = None
        self._restoration: Restoration | None = None
        self._end: tuple[int, Restored] | None = None  # of the last run, with the number of its first frame

    def warm(self, size: tuple[int, int] | None) -> None:
        networks = self._loaded()
        if size is not None and self._compiled:
            height, width = (side + -side % SIDE_MULTIPLE_PX for side in size)
            warm_up(networks, self._options.execution, (height, width))

    def restore(self, shot: Shot, start: int, stop: int) -> Restored:
        if not 0 <= start < stop <= shot.frames:
            raise ValueError(f"restore: expected frames of a shot of {shot.frames}, got [{start}, {stop})")
        if shot is not self._shot or self._restoration is None:
            self._shot, self._restoration, self._end = shot, self._begin(shot), None
        height, width = shot.size
        with full_device_named(f"a block of {stop - start} frames of {width}x{height}"):
            restored = self._continued(self._restoration, start, stop)
        held = min(stop - start, _HELD_FRAMES)
        self._end = stop - held, Restored(restored.frames[-held:].copy(), restored.away[-held:].copy())
        return restored

    def _continued(self, restoration: Restoration, start: int, stop: int) -> Restored:
        """Restore a run that may begin with the last frames of the one before: these are the same again."""
        if self._end is not None:
            first, end = self._end
            reached = first + len(end.frames)
            if first <= start < reached < stop:
                more = restoration.restore(reached, stop)
                frames = np.concatenate((end.frames[start - first :], more.frames))
                return Restored(frames, np.concatenate((end.away[start - first :], more.away)))
        self._end = None
        return restoration.restore(start, stop)

    def _loaded(self) -> Networks:
        if self._networks is None:
            self._networks = self._load()
            device = self._networks[1].ss.embedding.weight.device
            self._compiled = bool(compile_hot_parts(self._networks, self._options.execution.compile, device).compiled)
        return self._networks

    def _begin(self, shot: Shot) -> Restoration:
        completion, generator = self._loaded()
        if self._room is None:
            self._room = DeviceRoom.on(generator.ss.embedding.weight.device, self._options.window_batch)
        return Restoration(shot, completion, generator, self._options, self._room)
