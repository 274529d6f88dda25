"""A tensor left on the CPU, in any of these places, makes a run on the stand-in fail: it would fail on a GPU."""

import pkgutil
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from reelmend.core_model.networks.flow_completion import FlowCompletion
from reelmend.core_model.networks.generator import InpaintGenerator
from reelmend.core_model.networks.image_propagation import propagate_images
from reelmend.core_model.networks.raft import Raft
from reelmend.core_model.networks.rectangle import Rectangle
from reelmend.core_model.propainter.engine import ProPainterEngine
from tests.released import shared
from tests.standin.card_tensor import CARD, Mixed, StandIn
from tests.standin.fake_cuda import Card, card, on_card
from tests.standin.shots import OPTIONS, still_shot


def flow(stand_in: StandIn) -> None:
    on_card(stand_in, shared(Raft))(torch.zeros(1, 2, 3, 128, 128), iterations=1)


def completed_flow(stand_in: StandIn) -> None:
    masks, measured = torch.ones(1, 3, 1, 16, 16), torch.zeros(1, 2, 2, 16, 16)
    on_card(stand_in, shared(FlowCompletion))(*(x.to(CARD) for x in (measured, measured, masks)))


def propagated(stand_in: StandIn) -> None:
    images, masks, measured = torch.zeros(1, 2, 3, 8, 8), torch.ones(1, 2, 1, 8, 8), torch.zeros(1, 1, 2, 8, 8)
    propagate_images(images, masks > 0, measured, measured, device=CARD)


def window(stand_in: StandIn) -> None:
    masks, measured = torch.zeros(1, 3, 1, 24, 32), torch.zeros(1, 1, 2, 24, 32)
    masks[..., :8, :8] = 1
    given = (x.to(CARD) for x in (torch.zeros(1, 3, 3, 24, 32), masks, masks, measured, measured))
    on_card(stand_in, shared(InpaintGenerator))(*given, region=Rectangle(0, 8, 0, 8))


def block(stand_in: StandIn) -> None:
    networks = on_card(stand_in, shared(FlowCompletion)), on_card(stand_in, shared(InpaintGenerator))
    ProPainterEngine(lambda: networks, "", OPTIONS).restore(still_shot(), 0, 2)


RUNS = (flow, completed_flow, propagated, window, block)
PLANTED: list[tuple[str, Callable[[StandIn], None]]] = [
    ("networks.correlation._surroundings", flow),
    ("networks.raft._grid", flow),
    ("networks.raft_update.GateWeights.share", flow),
    ("networks.deform._samples", completed_flow),
    ("networks.flow_recurrence._Pass.visit", completed_flow),
    ("networks.image_propagation.consistent", propagated),
    ("networks.feature_propagation.warp", window),
    ("networks.windows._positions", window),
    ("networks.tokens._mean_inside", window),
    ("networks.transformer.frames_at", window),
    ("networks.rectangle._doubled", window),
    ("propainter.feature_cache.SeenFrames._encode", block),
]


@pytest.fixture(scope="module")
def one_card() -> Iterator[Card]:
    with torch.inference_mode(), card() as found:
        yield found


@pytest.mark.parametrize("run", RUNS)
def test_as_it_is_it_runs(one_card: Card, run: Callable[[StandIn], None]) -> None:
    run(one_card.stand_in)


@pytest.mark.parametrize(("place", "run"), PLANTED)
def test_what_this_returns_is_missed_on_the_card(
    one_card: Card, place: str, run: Callable[[StandIn], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"reelmend.core_model.{place}"
    monkeypatch.setattr(name, left_on_the_cpu(pkgutil.resolve_name(name)))
    with pytest.raises(Mixed, match="on the CPU among those on cuda:0"):
        run(one_card.stand_in)


def left_on_the_cpu(function: Callable[..., object]) -> Callable[..., object]:
    def planted(*args: object, **options: object) -> object:
        return _on_cpu(function(*args, **options))

    return planted


def _on_cpu(made: object) -> object:
    if isinstance(made, Tensor):
        return made.cpu()
    return tuple(map(_on_cpu, made)) if isinstance(made, tuple) else made
