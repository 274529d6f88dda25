"""Facts of an item: a mapping in the ledger, typed in code, and the same afterwards."""

from reelmend.pipelines.storage.ledger import ItemFacts
from reelmend.pipelines.storage.ledger.facts import Facts

OF_A_RUN: Facts = {
    "frames": 24,
    "width": 96,
    "masked_fraction": 0.25,
    "video_digest": "d",
    "quality_score": 1,
    "review": 0,
    "quality_flicker": 1.5,
    "codec": "ffv1",
    "weights_raft": "raft.pth sha256:ab (licence: none)",
}


def test_what_the_ledger_holds_comes_back_as_it_was_with_names_that_are_not_known_here() -> None:
    facts = ItemFacts.from_map(OF_A_RUN)
    assert (facts.frames, facts.masked_fraction, facts.quality_score, facts.review) == (24, 0.25, 1, 0)
    assert facts.others["codec"] == "ffv1"
    assert facts.weights == {"raft": "raft.pth sha256:ab (licence: none)"}
    assert facts.to_map() == OF_A_RUN


def test_what_is_not_known_is_absent() -> None:
    facts = ItemFacts.from_map({})
    assert (facts.frames, facts.preview, facts.size) == (None, None, (0, 0))
    assert facts.to_map() == {}
    assert ItemFacts(fps=24.0, review=0).to_map() == {"fps": 24.0, "review": 0}


def test_a_value_of_another_type_counts_as_unknown() -> None:
    odd: Facts = {
        "frames": "many",
        "shots": 2.5,
        "width": 64.0,
        "review": float("inf"),
        "output": 7,
        "quality_score": "much",
    }
    assert ItemFacts.from_map(odd).to_map() == {"width": 64}
