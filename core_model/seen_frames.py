"""What has the generator made of single frames that windows still to come will look at?"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from core_model.networks.generator import InpaintGenerator
from core_model.schedule import GeneratorWindow


class SeenFrames:
    """Each frame is encoded once, and split into tokens once if it is a reference; both are kept while needed.

    Legend: T frames, H W their height and width, h w those of the features, i j those of the token grid.
    """

    def __init__(
        self,
        generator: InpaintGenerator,
        frames_1T3HW: Tensor,
        masks_1T1HW: Tensor,
        updated_1T1HW: Tensor,
        windows: Sequence[GeneratorWindow],
    ) -> None:
        """Frames are u8 and propagated into their masks. `windows` are all that will ask, in order."""
        self._generator = generator
        self._device = generator.ss.embedding.weight.device
        self._clip = frames_1T3HW, masks_1T1HW, updated_1T1HW
        self._last_local = {t: number for number, window in enumerate(windows) for t in window.local}
        self._last_reference = {t: number for number, window in enumerate(windows) for t in window.references}
        self._features: dict[int, Tensor] = {}
        self._tokens: dict[int, Tensor] = {}

    def look(self, window: GeneratorWindow) -> tuple[Tensor, Tensor]:
        """Return the local frames' features [1, L, 128, h, w] and the references' tokens [1, R, i, j, 512]."""
        unsplit = [t for t in window.references if t not in self._tokens]
        self._encode(t for t in (*window.local, *unsplit) if t not in self._features)
        self._split(unsplit)
        tokens = [self._tokens[t] for t in window.references]
        features = torch.stack([self._features[t] for t in window.local], 1)
        return features, torch.stack(tokens, 1) if tokens else self._generator.split(features[:, :0])

    def forget(self, number: int) -> None:
        """Drop what no window after this one needs."""
        dropped = [t for t in self._features if self._last_local.get(t, -1) <= number]
        self._split(t for t in dropped if self._last_reference.get(t, -1) > number and t not in self._tokens)
        for t in dropped:
            del self._features[t]
        for t in [t for t in self._tokens if self._last_reference[t] <= number]:
            del self._tokens[t]

    def _encode(self, frames: Iterable[int]) -> None:
        wanted = list(frames)
        if not wanted:
            return
        images, masks, updated = (x[:, wanted].to(self._device) for x in self._clip)
        # Grey, the zero of [-1, 1], is where nothing is known.
        seen = (images.float() / 255 * 2 - 1) * ~updated
        features = self._generator.encode(seen, masks, updated)
        self._features.update(zip(wanted, features.unbind(1), strict=True))

    def _split(self, frames: Iterable[int]) -> None:
        wanted = list(frames)
        if wanted:
            tokens = self._generator.split(torch.stack([self._features[t] for t in wanted], 1))
            self._tokens.update(zip(wanted, tokens.unbind(1), strict=True))
