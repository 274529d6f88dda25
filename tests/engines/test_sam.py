"""SAM 2.1's video network, small and with random weights: what holds whatever it has learned."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reelmend.pipelines.config import FindConfig
from reelmend.pipelines.engines.sam import source as sam_source
from reelmend.pipelines.engines.sam.network import loaded
from reelmend.pipelines.engines.sam.session import BESIDE, ON, Prompt, Session
from reelmend.pipelines.engines.sam.source import PointsSource, SamSource, _prompt
from reelmend.pipelines.engines.weights.install import take_in
from reelmend.pipelines.engines.weights.registry import entry_of
from reelmend.pipelines.engines.weights.sam2 import build_sam2, check_parts
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.masks.expression import read_expression
from reelmend.pipelines.media.masks.sources.base import Search
from reelmend.pipelines.media.masks.sources.clip import Clip
from tests.clips import write_clip
from tests.tiny_sam import SIDE, tiny_network

POINTER_FRAMES = 16
"""Earlier frames whose pointers the network attends to, besides the one with the prompt."""


@pytest.fixture(scope="module")
def network() -> Any:
    return tiny_network()


def pictures(count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)


def followed(network: Any, prompt: Prompt, count: int = 3) -> list[NDArray[np.float32]]:
    session = Session(network)
    first, *others = pictures(count)
    return [session.begin(first, prompt)[0], *(session.follow(picture)[0] for picture in others)]


def test_the_same_frames_and_points_give_the_same_bytes(network: Any) -> None:
    prompt = Prompt(((10, 12, ON),), (SIDE, SIDE))
    first, second = followed(network, prompt), followed(network, prompt)
    assert [one.tobytes() for one in first] == [one.tobytes() for one in second]


def test_a_point_that_is_not_on_the_object_changes_what_is_found(network: Any) -> None:
    on, both = ((10, 12, ON),), ((10, 12, ON), (50, 40, BESIDE))
    wrong = ((10, 12, ON), (50, 40, ON))
    found = [followed(network, Prompt(points, (SIDE, SIDE)), 1)[0].tobytes() for points in (on, both, wrong)]
    assert len({*found}) == 3


def test_a_point_is_the_same_place_in_a_picture_of_any_size(network: Any) -> None:
    square = followed(network, Prompt(((16, 48, ON),), (64, 64)))  # a quarter from the left, three from the top
    wide = followed(network, Prompt(((160, 270, ON),), (640, 360)))
    assert [one.tobytes() for one in square] == [one.tobytes() for one in wide]


def test_memory_does_not_grow_with_the_number_of_frames(network: Any) -> None:
    session, held = Session(network), []
    for count, picture in enumerate(pictures(2 * POINTER_FRAMES + 8)):
        if count:
            session.follow(picture)
        else:
            session.begin(picture, Prompt(((10, 12, ON),), (SIDE, SIDE)))
        held.append(session.frames_held)
    assert max(held) == held[-1] <= POINTER_FRAMES + 1
    assert not session._state.processed_frames
    assert all("high_res_masks" not in output for kind in session._outputs().values() for output in kind.values())


def test_what_is_forgotten_is_what_the_network_does_not_use(network: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    prompt = Prompt(((10, 12, ON),), (SIDE, SIDE))
    forgetting = followed(network, prompt, 24)
    monkeypatch.setattr(Session, "_forget", lambda _: None)
    assert [one.tobytes() for one in forgetting] == [one.tobytes() for one in followed(network, prompt, 24)]


def searched(path: Path, count: int, **given: Any) -> Search:
    shots = ((0, 4), (4, count))
    return Search(Clip(inspect_video(path), 0, count, shots), FindConfig(), **given)


@pytest.mark.parametrize("kind", ["points", "box", "painted"])
def test_every_frame_gets_a_mask_and_the_other_shot_an_empty_one(
    network: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(sam_source, "loaded", lambda: network)
    path = write_clip(tmp_path / "clip.mkv", pictures=pictures(10)[:, :48], codec="ffv1", pix_fmt="bgr0", audio=False)
    painted = np.zeros((48, SIDE), np.bool_)
    painted[10:30, 20:40] = True
    given = {
        "points": {"clicks": ((30.0, 20.0, True),)},
        "box": {"region": (20, 10, 40, 30)},
        "painted": {"painted": painted},
    }
    source = PointsSource() if kind == "points" else SamSource()
    search = searched(path, 10, anchor=6, **given[kind])  # type: ignore[arg-type]
    masks = list(source.find(search))
    assert [mask.shape for mask in masks] == [(48, SIDE)] * 10
    assert not any(mask.any() for mask in masks[:4])
    assert search.notes
    if kind == "painted":  # SAM keeps what is painted in its own frame; edges may move by its smaller grid
        assert (masks[6] & painted).sum() / (masks[6] | painted).sum() > 0.6


def test_points_are_of_the_picture_as_a_player_shows_it() -> None:
    term = read_expression("points:25%,30,-90%,100%@2s").terms[0]
    assert term.points((200, 100)) == ((50.0, 30.0, True), (180.0, 100.0, False))


def test_a_box_is_shown_by_its_corners(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv", pictures=pictures(5), codec="ffv1", pix_fmt="bgr0", audio=False)
    assert _prompt(searched(path, 5, region=(4, 6, 30, 40))).points == ((4, 6, 2), (30, 40, 3))


def test_what_is_missing_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REELMEND_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("reelmend.pipelines.engines.sam.network.find_spec", lambda _: None)
    assert PointsSource().problem() == "SAM 2.1 needs torch and transformers: pip install 'reelmend[sam]'"
    monkeypatch.setattr("reelmend.pipelines.engines.sam.network.find_spec", lambda name: name)
    assert "reelmend weights pull sam2.1-hiera-tiny --accept-license" in PointsSource().problem()


@pytest.mark.slow
def test_weights_fit_the_released_size_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("transformers", reason="needs reelmend[sam]")
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    released, path = build_sam2(), tmp_path / "model.safetensors"
    save_file(released.state_dict(), path)
    monkeypatch.setenv("REELMEND_WEIGHTS", str(tmp_path / "weights"))
    take_in(path, entry_of("sam2.1-hiera-tiny"), tmp_path / "weights")
    assert PointsSource().problem() == ""
    name, values = next(iter(loaded().state_dict().items()))
    assert torch.equal(values, released.state_dict()[name])
    with pytest.raises(ValueError, match="memory_encoder"):
        check_parts(name for name in released.state_dict() if not name.startswith("memory_encoder."))
