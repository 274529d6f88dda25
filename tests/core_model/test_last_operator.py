"""The operator at which something failed: its name, and its tensors."""

import pytest
import torch

from reelmend.core_model.device.last_operator import LastOperator
from reelmend.core_model.device.precision import Execution


def test_it_is_the_operator_that_raised() -> None:
    left, right = torch.ones(2, 3), torch.ones(2, 3)
    with LastOperator() as last:
        left.sum()
        with pytest.raises(RuntimeError):
            left @ right
    assert last.words == "aten.mm.default of float32[2, 3] cpu, float32[2, 3] cpu"


def test_numbers_are_named_in_the_format_that_is_computed_in() -> None:
    layer = torch.nn.Linear(3, 2, bias=False)
    with Execution(precision="bf16").exact(torch.device("cpu")), LastOperator() as exact:
        layer(torch.ones(1, 3))
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad(), LastOperator() as reduced:
        layer(torch.ones(1, 3))
    assert exact.words.startswith("aten.mm.default of float32[1, 3]")
    assert reduced.words.startswith("aten.mm.default of bfloat16[1, 3]")


def test_where_no_gradients_are_kept_an_operator_is_seen_as_it_was_called() -> None:
    with torch.inference_mode(), LastOperator() as last:
        torch.nn.functional.linear(torch.ones(1, 3), torch.ones(2, 3))
    assert last.words == "aten.linear.default of float32[1, 3] cpu, float32[2, 3] cpu"


def test_outside_nothing_is_remembered() -> None:
    with LastOperator() as last:
        pass
    torch.ones(2)
    assert last.words == ""
