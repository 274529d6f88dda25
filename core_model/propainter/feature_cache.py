"""Cache of the generator's features of single frames, for windows still to come."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from reelmend.core_model.device.precision import Execution
from reelmend.core_model.device.staging import Staging
from reelmend.core_model.networks.generator import InpaintGenerator
from reelmend.core_model.propainter.prepared_shot import PreparedShot
from reelmend.core_model.propainter.schedule import GeneratorWindow
from reelmend.core_model.ranges import named_range


class SeenFrames:
    """Each frame is encoded once, and split into tokens once if it is a reference; both are kept while needed.

    One frame at a time: a batch may round differently, and who asks for a frame together with which others depends on
    where a restoration began.

    Legend: T frames, h w height and width of the features, i j those of the token grid.
    """

    def __init__(
        self,
        generator: InpaintGenerator,
        prepared: PreparedShot,
        windows: Sequence[GeneratorWindow],
        execution: Execution,
        staging: Staging,
    ) -> None:
        """`windows` are all that may ask, in order; they ask inside `execution.reduced`."""
        self._execution, self._staging = execution, staging
        self._generator, self._prepared = generator, prepared
        self._device = generator.ss.embedding.weight.device
        self._last_local = {t: number for number, window in enumerate(windows) for t in window.local}
        self._last_reference = {t: number for number, window in enumerate(windows) for t in window.references}
        self._features: dict[int, Tensor] = {}
        self._tokens: dict[int, Tensor] = {}

    def look(self, window: GeneratorWindow) -> tuple[Tensor, Tensor]:
        """Return the local frames' features [1, L, 128, h, w] and the references' tokens [1, R, i, j, 512]."""
        unsplit = [t for t in window.references if t not in self._tokens]
        for t in sorted({*window.local, *unsplit} - self._features.keys()):
            self._features[t] = self._encode(t)
        self._split(unsplit)
        tokens = [self._tokens[t] for t in window.references]
        features = torch.cat([self._features[t] for t in window.local], 1)
        return features, torch.cat(tokens, 1) if tokens else self._generator.split(features[:, :0])

    def forget(self, number: int) -> None:
        """Drop what no window after this one needs."""
        dropped = [t for t in self._features if self._last_local.get(t, -1) <= number]
        self._split(t for t in dropped if self._last_reference.get(t, -1) > number and t not in self._tokens)
        for t in dropped:
            del self._features[t]
        for t in [t for t in self._tokens if self._last_reference[t] <= number]:
            del self._tokens[t]

    @named_range(lambda _, t: f"frame {t}")
    def _encode(self, t: int) -> Tensor:
        # u8 all, as one copy.
        known = self._staging.send(torch.cat([x.view(torch.uint8) for x in self._prepared.frame(t)])[None, None])
        image, mask, updated = known[:, :, :3], known[:, :, 3:4].bool(), known[:, :, 4:].bool()
        # Grey, the zero of [-1, 1], is where nothing is known.
        seen = (image.float() / 255 * 2 - 1) * ~updated
        with self._execution.within("encoder", self._device):
            return self._execution.handed_on(self._generator.encode(seen, mask, updated))

    def _split(self, frames: Iterable[int]) -> None:
        for t in frames:
            with self._execution.within("transformer", self._device):
                self._tokens[t] = self._generator.split(self._features[t])
