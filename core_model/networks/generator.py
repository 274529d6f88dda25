"""Generator: content of the holes for a window of frames.

ProPainter's generator (Zhou et al., "ProPainter", ICCV 2023, section 3.3).
Legend: B batch, T frames, L local frames (the first of the T), R reference frames (the others), S = L-1 flows, C = 128
channels, H W height and width of the frames, h w = H/4, W/4, i j height and width of the token grid.
Masks are 1 where content is missing; flows have channels (dx, dy) in pixels of the frames.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reelmend.core_model.networks.decoder import Decoder
from reelmend.core_model.networks.feature_propagation import FeaturePropagation
from reelmend.core_model.networks.generator_encoder import GeneratorEncoder
from reelmend.core_model.networks.layers import as_clips, frame_by_frame
from reelmend.core_model.networks.rectangle import Part, Rectangle
from reelmend.core_model.networks.tokens import SoftComposition, SoftSplit
from reelmend.core_model.networks.transformer import Transformer
from reelmend.core_model.networks.windows import WindowPlan
from reelmend.core_model.ranges import named_range

SIDE_MULTIPLE_PX = 4


class LocalFrames(NamedTuple):
    """What the generator needs of the frames it completes."""

    features: Tensor
    """[B, L, 128, h, w] of `InpaintGenerator.encode`."""
    masks: Tensor
    """[B, L, 1, H, W], dilated as for the flow."""
    updated_masks: Tensor
    """[B, L, 1, H, W]: what image propagation left missing."""
    flow_fwd: Tensor
    """[B, L-1, 2, h, w], completed, of `quarter_flow`."""
    flow_bwd: Tensor
    """[B, L-1, 2, h, w], completed, of `quarter_flow`."""


class InpaintGenerator(nn.Module):
    """Encoder, feature propagation, transformer, decoder; its state dict is that of the released `ProPainter`.

    `forward` is the whole of one window. A clip's windows share frames: `encode` each frame once and `split` each
    reference once, then `complete` each window.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = GeneratorEncoder()
        self.decoder = Decoder()
        self.ss = SoftSplit()
        self.sc = SoftComposition()
        self.feat_prop_module = FeaturePropagation()
        self.transformers = Transformer()

    def forward(
        self,
        frames_BT3HW: Tensor,
        masks_BT1HW: Tensor,
        updated_masks_BT1HW: Tensor,
        flow_fwd_BS2HW: Tensor,
        flow_bwd_BS2HW: Tensor,
        region: Rectangle | None = None,
    ) -> Tensor:
        """Return the local frames [B, L, 3, H, W] in [-1, 1], or a region of them; there are S + 1 local frames.

        Frames are in [-1, 1], propagated into the masks and zero inside the updated masks.
        Sides must be multiples of 4. Raises ValueError when the shapes do not fit.
        """
        local = flow_fwd_BS2HW.shape[1] + 1
        features = self.encode(frames_BT3HW, masks_BT1HW, updated_masks_BT1HW)
        holes = masks_BT1HW[:, :local], updated_masks_BT1HW[:, :local]
        flows = quarter_flow(flow_fwd_BS2HW), quarter_flow(flow_bwd_BS2HW)
        window = LocalFrames(features[:, :local], *holes, *flows)
        return self.complete(window, self.split(features[:, local:]), region)

    @named_range("generator: encode")
    def encode(self, frames_BT3HW: Tensor, masks_BT1HW: Tensor, updated_masks_BT1HW: Tensor) -> Tensor:
        """Return features [B, T, 128, h, w]; those of a frame depend on that frame only."""
        expected = (*frames_BT3HW.shape[:2], 1, *frames_BT3HW.shape[3:])
        fits = frames_BT3HW.ndim == 5 and frames_BT3HW.shape[2] == 3
        whole = all(side % SIDE_MULTIPLE_PX == 0 and side > 0 for side in frames_BT3HW.shape[3:])
        if not (fits and whole) or masks_BT1HW.shape != expected or updated_masks_BT1HW.shape != expected:
            raise ValueError(
                f"InpaintGenerator: expected frames [B, T, 3, H, W] and two masks [B, T, 1, H, W] with H and W "
                f"multiples of {SIDE_MULTIPLE_PX}, got {[*frames_BT3HW.shape]}, {[*masks_BT1HW.shape]} and "
                f"{[*updated_masks_BT1HW.shape]}"
            )
        masks = torch.cat((masks_BT1HW, updated_masks_BT1HW), 2).to(frames_BT3HW.dtype)
        seen = torch.cat((frames_BT3HW, masks), 2)
        return as_clips(frame_by_frame(self.encoder, seen.flatten(0, 1)), frames_BT3HW)

    @named_range("generator: split")
    def split(self, features_BRChw: Tensor) -> Tensor:
        """Return a reference's tokens [B, R, i, j, 512]; those of a frame depend on that frame only."""
        tokens: Tensor = self.ss(features_BRChw)
        return tokens

    def complete(self, window: LocalFrames, reference_tokens_BRijC: Tensor, region: Rectangle | None = None) -> Tensor:
        """Return the local frames [B, L, 3, H, W] in [-1, 1], or a region of them, at the cost of what it depends on.

        That is `compose` and `decode`. Raises ValueError when the shapes do not fit.
        """
        height, width = (SIDE_MULTIPLE_PX * side for side in window.features.shape[3:])
        region = region or Rectangle.whole(height, width)
        return self.decode(self.compose(window, reference_tokens_BRijC, region), region, len(window.features))

    @named_range("generator: compose")
    def compose(self, window: LocalFrames, reference_tokens_BRijC: Tensor, region: Rectangle) -> Part:
        """Return the features of the local frames, completed, that `decode` needs for a region of their images.

        Raises ValueError when the shapes do not fit.
        """
        _check(window)
        local, _, height, width = window.features.shape[1:]
        size, whole = (height, width), Rectangle.whole(SIDE_MULTIPLE_PX * height, SIDE_MULTIPLE_PX * width)
        if not (0 <= region.top < region.bottom <= whole.bottom and 0 <= region.left < region.right <= whole.right):
            raise ValueError(f"InpaintGenerator: expected a region of {whole}, got {region}")
        masks = window.masks[..., ::SIDE_MULTIPLE_PX, ::SIDE_MULTIPLE_PX]
        propagated = self._propagated(window, masks)
        tokens = torch.cat((self.ss(propagated), reference_tokens_BRijC.to(propagated.dtype)), 1)

        features = self.decoder.reads(region, *size)
        wanted = self.sc.reads(features, *size)
        plan = WindowPlan.of(masks, (tokens.shape[2], tokens.shape[3]))
        tokens = self.transformers(tokens, local, plan, wanted, size)
        rows, columns = features.inside(Rectangle.whole(*size))
        composed = self.sc(tokens.flatten(0, 1), wanted, features, size)
        composed = composed + propagated.flatten(0, 1)[..., rows, columns]
        return Part(composed, features, size)

    @named_range("generator: decode")
    def decode(self, composed: Part, region: Rectangle, batch: int) -> Tensor:
        """Return a region of the local frames, [B, L, 3, h, w] in [-1, 1]."""
        image: Tensor = self.decoder(composed, region)
        return image.reshape(batch, -1, *image.shape[1:])

    def _propagated(self, window: LocalFrames, masks_BL1hw: Tensor) -> Tensor:
        updated = window.updated_masks[..., ::SIDE_MULTIPLE_PX, ::SIDE_MULTIPLE_PX]
        holes = torch.cat((masks_BL1hw, updated), 2).to(window.flow_fwd.dtype)
        propagated: Tensor = self.feat_prop_module(window.features, holes, window.flow_fwd, window.flow_bwd)
        return propagated


def quarter_flow(flow_BS2HW: Tensor) -> Tensor:
    """Return the flow fp32 at a quarter of the size, [B, S, 2, h, w], in pixels of that size; each by itself."""
    small = F.interpolate(flow_BS2HW.float().flatten(0, 1), scale_factor=1 / SIDE_MULTIPLE_PX, mode="bilinear")
    return as_clips(small, flow_BS2HW) / SIDE_MULTIPLE_PX


def _check(window: LocalFrames) -> None:
    batch, local, _, height, width = window.features.shape
    frame_size = (SIDE_MULTIPLE_PX * height, SIDE_MULTIPLE_PX * width)
    mask, flow = (batch, local, 1, *frame_size), (batch, local - 1, 2, height, width)
    shapes = [x.shape for x in (window.masks, window.updated_masks, window.flow_fwd, window.flow_bwd)]
    if shapes != [mask, mask, flow, flow]:
        raise ValueError(
            f"InpaintGenerator: for features {[*window.features.shape]} expected masks {[*mask]} and flows {[*flow]}, "
            f"got {', '.join(str([*shape]) for shape in shapes)}"
        )
