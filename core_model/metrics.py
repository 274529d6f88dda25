"""Distance of a restored clip to the truth, and its temporal stability.

Legend: T frames, H W height and width.
"""

import cv2
import numpy as np

from reelmend.core_model.engine import U8, Bool, Float


def psnr(restored_THWC: U8, truth_THWC: U8, masks_THW: Bool) -> float:
    """Peak signal-to-noise ratio in dB over the masked pixels of all frames together; inf when they are equal."""
    error = restored_THWC[masks_THW].astype(np.float64) - truth_THWC[masks_THW]
    mean_square = float(np.square(error).mean()) if error.size else 0.0
    return float(10 * np.log10(255**2 / mean_square)) if mean_square else float("inf")


def warping_error(clip_THWC: U8, masks_THW: Bool, true_fwd: Float, true_bwd: Float) -> float:
    """How much a masked pixel changes on its way to the next frame: mean square of RGB differences (0..255).

    `true_fwd` and `true_bwd` [T-1, 2, H, W] are the flow of the true frames. A pixel counts when it is masked and both
    directions of its flow agree, that is, when it is to be seen in both frames. The truth itself has an error above 0.
    """
    import torch  # takes seconds, and the distance to the truth does not need it

    from reelmend.core_model.networks.image_propagation import consistent

    height, width = clip_THWC.shape[1:3]
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    total, count = 0.0, 0
    for t in range(len(clip_THWC) - 1):
        flow_2HW, back_2HW = (flow[t].astype(np.float32) for flow in (true_fwd, true_bwd))
        in_both = consistent(torch.from_numpy(flow_2HW)[None], torch.from_numpy(back_2HW)[None])[0, 0].numpy()
        counted = masks_THW[t] & in_both
        there = cv2.remap(
            clip_THWC[t + 1].astype(np.float32), columns + flow_2HW[0], rows + flow_2HW[1], cv2.INTER_LINEAR
        )
        total += float(np.square(there[counted].astype(np.float64) - clip_THWC[t][counted]).sum())
        count += 3 * int(counted.sum())
    return total / count if count else 0.0
