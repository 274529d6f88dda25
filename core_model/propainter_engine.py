"""How does ProPainter restore a shot block by block?

Zhou et al., "ProPainter: Improving Propagation and Transformer for Video Inpainting", ICCV 2023.
"""

from collections.abc import Callable

from core_model.device_memory import full_device_named, memory_of
from core_model.engine import U8, Shot
from core_model.networks.flow_completion import FlowCompletion
from core_model.networks.generator import InpaintGenerator
from core_model.options import RestoreOptions
from core_model.restoration import Restoration
from core_model.window_batch import WindowBatch

Networks = tuple[FlowCompletion, InpaintGenerator]


class ProPainterEngine:
    """Flow completed, images propagated, the rest generated; see `core_model.engine.Engine`.

    Adjacent blocks of one shot share what they have in common. Masks are taken as they are, without dilation.
    """

    name = "propainter"

    def __init__(self, load: Callable[[], Networks], digest: str, options: RestoreOptions) -> None:
        """`load` returns the networks on their device, when they are needed first; `digest` names their weights."""
        self.digest = f"propainter-1-{digest}-{options.picture}"
        self._load, self._options = load, options
        self._networks: Networks | None = None
        self._batches: dict[tuple[int, int], WindowBatch] = {}
        self._shot: Shot | None = None
        self._restoration: Restoration | None = None

    def warm(self) -> None:
        if self._networks is None:
            self._networks = self._load()

    def restore(self, shot: Shot, start: int, stop: int) -> U8:
        if not 0 <= start < stop <= shot.frames:
            raise ValueError(f"restore: expected frames of a shot of {shot.frames}, got [{start}, {stop})")
        if shot is not self._shot or self._restoration is None:
            self._shot, self._restoration = shot, self._begin(shot)
        height, width = shot.size
        with full_device_named(f"a block of {stop - start} frames of {width}x{height}"):
            return self._restoration.restore(start, stop)

    def _begin(self, shot: Shot) -> Restoration:
        self.warm()
        assert self._networks is not None
        completion, generator = self._networks
        if shot.size not in self._batches:
            memory = memory_of(generator.ss.embedding.weight.device)
            self._batches[shot.size] = WindowBatch(memory, self._options.window_batch)
        return Restoration(shot, completion, generator, self._options, self._batches[shot.size])
