"""ProPainter as an engine: restores a shot block by block.

Zhou et al., "ProPainter: Improving Propagation and Transformer for Video Inpainting", ICCV 2023.
"""

import weakref
from collections.abc import Callable

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
        self._restorations: dict[int, Restoration] = {}
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
            return self._restoration_of(shot).restore(start, stop)

    def _restoration_of(self, shot: Shot) -> Restoration:
        """Return the one that the shot was begun with; what it keeps goes when the caller lets go of the shot."""
        if id(shot) not in self._restorations:
            self._restorations[id(shot)] = self._begin(weakref.proxy(shot))
            weakref.finalize(shot, self._restorations.pop, id(shot), None).atexit = False
        return self._restorations[id(shot)]

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
