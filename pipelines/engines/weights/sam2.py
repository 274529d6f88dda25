"""SAM 2.1's video network, of the package transformers, and what its weights are recognised by without that package."""

from collections.abc import Iterable
from typing import Any

SAM2 = "sam2"
"""Its name in `conf/weights.yaml`."""
_PARTS = ("vision_encoder.", "prompt_encoder.", "mask_decoder.", "memory_attention.", "memory_encoder.")


def build_sam2(config: Any = None) -> Any:
    """Return the network without weights, for inference; `config`: a Sam2VideoConfig, by default the tiny release's."""
    from transformers import Sam2VideoConfig
    from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoModel

    return Sam2VideoModel(config or Sam2VideoConfig()).eval().requires_grad_(False)


def check_parts(names: Iterable[str]) -> None:
    """Raise ValueError unless parameters of these names are of every part of the network."""
    known = tuple(names)
    missing = [part for part in _PARTS if not any(name.startswith(part) for name in known)]
    if missing:
        raise ValueError(f"not a checkpoint of SAM 2's video model: no name begins with {', '.join(missing)}")
