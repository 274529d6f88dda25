"""How does ProPainter restore a shot block by block?

Legend: H W height and width of the frames.
"""

from collections.abc import Callable

from core_model.engine import U8, Shot
from core_model.restoration import Restoration
from core_model.restorer import Restorer


class ProPainterEngine:
    """RAFT's flow completed, images propagated, the rest generated; see `core_model.engine.Engine`.

    The blocks of one shot, asked for one after the other, share what they have in common. Masks are taken as they are.
    """

    name = "propainter"

    def __init__(self, load: Callable[[], Restorer], digest: str) -> None:
        """`digest` names the weights and options of the restorer that `load` makes, when it is needed first."""
        self.digest = f"propainter-1-{digest}"
        self._load = load
        self._restorer: Restorer | None = None
        self._shot: Shot | None = None
        self._restoration: Restoration | None = None

    def warm(self) -> None:
        if self._restorer is None:
            self._restorer = self._load()

    def restore(self, shot: Shot, start: int, stop: int) -> U8:
        """Raises torch.OutOfMemoryError when the device cannot hold a single window of H x W."""
        self.warm()
        assert self._restorer is not None
        if shot is not self._shot or self._restoration is None:
            self._shot, self._restoration = shot, self._restorer.restoration(shot)
        return self._restoration.restore(start, stop)
