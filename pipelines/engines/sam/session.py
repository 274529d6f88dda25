"""One object followed by SAM 2.1, frame after frame, in memory that does not grow with their number.

The network is `Sam2VideoModel` of the package transformers (Ravi et al., SAM 2: Segment Anything in Images and Videos,
2024). Its own processor needs torchvision, so frames and prompts are prepared here: a frame is stretched to a square,
and a click moves with it. Frames are counted from the one with the prompt, in the direction of following, as the
network cannot tell a video from its reverse.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]
Size = tuple[int, int]
"""(width, height)"""

_MEANS, _DEVIATIONS = np.array((0.485, 0.456, 0.406), np.float32), np.array((0.229, 0.224, 0.225), np.float32)
"""Of ImageNet's red, green and blue, 0..1: what the network was trained with."""
BESIDE, ON, LEFT_TOP, RIGHT_BOTTOM = 0, 1, 2, 3
"""What a point says: not the object, the object, corners of its box. The network's own numbers."""


@dataclass(frozen=True)
class Prompt:
    """What shows the object in one frame: points, or a painted mask."""

    points: tuple[tuple[float, float, int], ...] = ()
    """(x, y, meaning) in pixels of a picture of `size`; the first pixel's centre is at 0.5."""
    size: Size = (1, 1)
    painted: NDArray[np.bool_] | None = None
    """[H, W]"""


class Session:
    """Follows one object from the frame in which it is shown, in one direction."""

    def __init__(self, network: Any) -> None:
        import torch
        from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

        self._network = network
        self._side = side_of(network)
        self._kept = max(int(network.config.max_object_pointers_in_encoder), int(network.num_maskmem))
        self._state = Sam2VideoInferenceSession(video_height=self._side, video_width=self._side, dtype=torch.float32)
        self._next = 0

    @property
    def frames_held(self) -> int:
        """Number of frames of which anything is kept."""
        outputs = self._outputs()
        return len(outputs["cond_frame_outputs"]) + len(outputs["non_cond_frame_outputs"])

    def begin(self, picture: U8, prompt: Prompt) -> tuple[F32, float]:
        """As `follow`, for the frame in which the object is shown."""
        import torch

        index = self._state.obj_id_to_idx(1)
        if prompt.painted is not None:
            self._state.add_mask_inputs(index, 0, torch.from_numpy(_stretched(prompt.painted, self._side))[None, None])
        else:
            across, down = self._side / prompt.size[0], self._side / prompt.size[1]
            places = [[x * across, y * down] for x, y, _ in prompt.points]
            meanings = [meaning for *_, meaning in prompt.points]
            coordinates = torch.tensor(places, dtype=torch.float32)[None, None]
            labels = torch.tensor(meanings, dtype=torch.int32)[None, None]
            self._state.add_point_inputs(index, 0, {"point_coords": coordinates, "point_labels": labels})
        self._state.obj_with_new_inputs = [1]
        return self.follow(picture)

    def follow(self, picture: U8) -> tuple[F32, float]:
        """Return the object in the next frame, RGB u8 [side, side, 3].

        That is: how likely each pixel is part of it, as logits f32 [h, w] of a smaller square; and a logit that says
        whether it is in the picture at all, above 0 if so.
        """
        import torch

        with torch.inference_mode():
            found = self._network(inference_session=self._state, frame=_prepared(picture), frame_idx=self._next)
        logits: F32 = found.pred_masks[0, 0].float().numpy()
        seen = float(found.object_score_logits.flatten()[0])
        self._forget()
        self._next += 1
        return logits, seen

    def _forget(self) -> None:
        """Drop what no later frame is compared with: pictures, masks at full size, and all of frames long past."""
        self._state.processed_frames.clear()
        self._state.frames_tracked_per_obj[0].clear()
        outputs = self._outputs()
        for stored in outputs.values():
            for output in stored.values():
                output.pop("high_res_masks", None)
        tracked = outputs["non_cond_frame_outputs"]
        for frame in [frame for frame in tracked if frame <= self._next - self._kept]:
            del tracked[frame]

    def _outputs(self) -> dict[str, dict[int, dict[str, "Tensor"]]]:
        outputs: dict[str, dict[int, dict[str, Tensor]]] = self._state.output_dict_per_obj[0]
        return outputs


def side_of(network: Any) -> int:
    """Return the side in pixels of the square that the network looks at."""
    size = network.config.vision_config.backbone_config.image_size
    return int(size if isinstance(size, int) else size[0])


def _prepared(picture: U8) -> "Tensor":
    """Return a picture as the network takes it, f32 [1, 3, side, side]."""
    import torch

    scaled = (picture.astype(np.float32) / 255 - _MEANS) / _DEVIATIONS
    return torch.from_numpy(np.ascontiguousarray(scaled.transpose(2, 0, 1)))[None]


def _stretched(mask: NDArray[np.bool_], side: int) -> F32:
    import cv2

    return np.asarray(cv2.resize(mask.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA) > 0.5, np.float32)
