"""A name says which facts, in which order and of which kind."""

import hashlib
from dataclasses import dataclass

import pytest

from reelmend.pipelines.utils.hashing import digest_of


@dataclass(frozen=True)
class Size:
    width: int
    height: int


def test_a_name_is_the_digest_of_the_facts_as_json() -> None:
    text = '["part",2,{"height":4,"width":3},[1,null]]'
    assert digest_of("part", 2, Size(3, 4), (1, None)) == hashlib.sha256(text.encode()).hexdigest()[:32]


def test_other_facts_another_order_or_another_kind_is_another_name() -> None:
    names = [
        digest_of("video", "mask"),
        digest_of("mask", "video"),
        digest_of("video", "mask", None),
        digest_of("video", ""),
        digest_of("videomask"),
        digest_of(["video", "mask"]),
        digest_of(1),
        digest_of("1"),
        digest_of(1.5),
        digest_of(True),
    ]
    assert len(set(names)) == len(names)


def test_the_order_of_settings_does_not_count() -> None:
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})


def test_what_has_no_form_of_its_own_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot be part of an identity"):
        digest_of(object())
