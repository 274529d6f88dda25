"""Each component of the networks computes in its own number format."""

import numpy as np
import pytest
import torch

from reelmend.core_model.array_shot import ArrayShot
from reelmend.core_model.device import precision
from reelmend.core_model.device.precision import Execution
from reelmend.core_model.networks.flow_completion import FlowCompletion
from reelmend.core_model.networks.generator import InpaintGenerator
from reelmend.core_model.propainter.engine import ProPainterEngine
from reelmend.core_model.propainter.options import RestoreOptions
from tests.core_model.moving_parts import still
from tests.released import shared

MIXED = Execution(precision="fp32", components=(("encoder", "bf16"), ("decoder", "bf16")))


def test_components_run_in_the_formats_that_they_were_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_cpu_has_bf16", lambda: True)
    generator = shared(InpaintGenerator)
    parts = {"encoder": generator.encoder, "transformer": generator.transformers, "decoder": generator.decoder}
    reduced: dict[str, bool] = {}
    hooks = [
        part.register_forward_pre_hook(lambda *_, name=name: reduced.update({name: torch.is_autocast_enabled("cpu")}))
        for name, part in parts.items()
    ]
    frames, masks = still(2, 24, 32), np.zeros((2, 24, 32), bool)
    masks[:, 8:14, 8:16] = True
    flow = np.zeros((1, 2, 24, 32), np.float32)
    options = RestoreOptions(neighbor_length=2, ref_stride=3, execution=MIXED)
    engine = ProPainterEngine(lambda: (shared(FlowCompletion), generator), "", options)
    restored = engine.restore(ArrayShot(frames, masks, flow, flow), 0, 1).frames
    for hook in hooks:
        hook.remove()
    assert reduced == {"encoder": True, "transformer": False, "decoder": True}
    assert np.array_equal(restored[0][~masks[0]], frames[0][~masks[0]])


def test_a_component_alone_computes_as_it_was_told() -> None:
    assert MIXED.of("encoder").precision == "bf16"
    assert MIXED.of("raft").precision == "fp32"
    assert Execution(precision="bf16").of("raft").precision == "bf16"


def test_formats_are_named_where_they_differ() -> None:
    assert MIXED.rounding == "bf16+fp32+bf16"
    every = Execution(tf32=True, components=tuple((name, "bf16") for name in ("encoder", "transformer", "decoder")))
    assert every.rounding == Execution(precision="bf16", tf32=True).rounding == "bf16-tf32"


def test_an_unknown_component_or_format_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected components of .*'decoder'.*, got 'enkoder' with 'bf16'"):
        Execution(components=(("enkoder", "bf16"),))  # type: ignore[arg-type]
