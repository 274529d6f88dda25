"""What the stand-in for CUDA tensors allows and refuses, as CUDA does."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F

from tests.standin.card_tensor import CARD, Mixed
from tests.standin.fake_cuda import GB, Card, card, on_card
from tests.standin.record import Kind


def there(*shape: int) -> torch.Tensor:
    return torch.arange(1.0, 1 + torch.Size(shape).numel()).reshape(shape).to(CARD)


def test_tensors_made_on_it_and_copied_to_it_say_that_they_are_there(gpu: Card) -> None:
    made = [torch.zeros(3, device=CARD), torch.tensor([1, 2], device=CARD), torch.ones(2).to(CARD), there(4).half()]
    made += [torch.zeros_like(made[0]), made[0].new_full((2,), 1), torch.ones(2).to(made[0])]
    assert [(x.device, x.is_cuda) for x in made] == [(CARD, True)] * 7
    assert [x.cpu().device.type for x in made] == ["cpu"] * 7


@pytest.mark.parametrize(
    "mixed",
    [
        lambda x: x + torch.ones(2, 2),
        lambda x: torch.ones(2, 2) * x,
        lambda x: x @ torch.ones(2, 2),
        lambda x: torch.cat((x, torch.ones(2, 2))),
        lambda x: torch.stack((x[0], torch.tensor([1.0, 2.0]))),
        lambda x: torch.where(torch.ones(2, 2, dtype=torch.bool), x, x),
        lambda x: x.add_(torch.ones(2, 2)),
        lambda x: x[torch.tensor([0])],
        lambda x: torch.ones(2, 2)[x.long() - 1],
        lambda x: x.index_select(0, torch.tensor([0])),
        lambda x: F.conv2d(x[None, None], torch.ones(1, 1, 1, 1)),
        lambda x: F.grid_sample(x[None, None], torch.zeros(1, 2, 2, 2), align_corners=True),
        lambda x: F.linear(x, torch.ones(2, 2)),
        lambda x: torch.ones(2, 2) + x[0, 0],
    ],
)
def test_a_tensor_of_the_cpu_among_those_of_the_card_is_refused(
    gpu: Card, mixed: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    with pytest.raises(Mixed, match=r"a tensor \[.*\] torch\..* on the CPU among those on cuda:0"):
        mixed(there(2, 2))


def test_a_number_in_a_tensor_is_taken_from_the_cpu_by_operations_on_single_values_alone(gpu: Card) -> None:
    number = torch.tensor(2.0)
    assert (there(2) * number).cpu().tolist() == [2, 4]
    with pytest.raises(Mixed):
        torch.stack((there(1)[0], number))


def test_numpy_does_not_see_the_card(gpu: Card) -> None:
    with pytest.raises(TypeError, match="cuda:0"):
        there(2).numpy()


def test_copies_go_both_ways_and_nothing_is_shared(gpu: Card) -> None:
    here = torch.zeros(2)
    moved = here.to(CARD)
    moved += 1
    back = moved.cpu()
    back += 1
    moved.copy_(back + 5)
    here.copy_(moved)
    assert (here.tolist(), back.tolist()) == ([7, 7], [2, 2])


def test_views_and_operations_in_place_are_those_of_torch(gpu: Card) -> None:
    x = there(2, 3)
    assert x.add_(1) is x
    x[0][1:] = 0
    x.view(3, 2)[2] -= 5
    assert x.cpu().tolist() == [[2, 0, 0], [5, 1, 2]]


def test_what_the_host_waits_for_is_recorded(gpu: Card) -> None:
    x, events = there(2, 3), gpu.stand_in.record.events
    events.clear()
    x[:, [0, 2]], x[:, :2], x.sum(), x > 2, x.max().item(), bool(x.any()), x.nonzero(), x[x > 2], int(x[0, 0])
    x.cpu(), x.to("cpu", non_blocking=True)
    torch.cuda.synchronize()
    waits = ["a list of 2", "item", "bool", "aten.nonzero", "a mask as an index", "int", "[2, 3] torch.float32"]
    assert [event.what for event in events if event.waits] == [*waits, "torch.cuda.synchronize"]
    assert [event.kind for event in events if not event.waits] == [Kind.TO_HOST]


def test_memory_is_counted_given_back_and_runs_out() -> None:
    with card(capacity=1000) as found:
        first = torch.zeros(100, device=CARD)
        assert (torch.cuda.memory_allocated(), torch.cuda.mem_get_info()) == (400, (600, 1000))
        view = first[:50]
        del first
        assert found.memory.used == 400, "a view holds what it views"
        with pytest.raises(torch.OutOfMemoryError, match=r"Tried to allocate 604 bytes\. 600 bytes are free"):
            torch.zeros(151, device=CARD)
        del view
        assert (found.memory.used, torch.cuda.max_memory_allocated()) == (0, 400)


def test_autocast_reduces_what_cuda_would_reduce(gpu: Card) -> None:
    x = there(1, 1, 2, 2)
    for dtype in (torch.bfloat16, torch.float16):
        with torch.autocast("cuda", dtype):
            assert F.conv2d(x, x).dtype == (x.flatten(1) @ x.flatten(1).T).dtype == dtype
            assert (x + x).dtype == torch.float32
    assert F.conv2d(x, x).dtype == torch.float32


def test_a_network_there_shares_its_weights_and_leaves_the_given_one_where_it_is() -> None:
    with card(capacity=GB) as found:
        network = torch.nn.Conv2d(1, 1, 1).requires_grad_(False)
        moved = on_card(found.stand_in, network)
        assert (next(moved.parameters()).device, network.weight.device.type) == (CARD, "cpu")
        assert torch.equal(moved(there(1, 1, 2, 2)).cpu(), network(there(1, 1, 2, 2).cpu()))
        assert found.memory.used == 8


def test_without_a_card_its_tensors_cannot_be_used() -> None:
    with card():
        x = there(2)
    with pytest.raises(RuntimeError, match="after its card was removed"):
        x + x
