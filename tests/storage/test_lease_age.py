"""A lease in a bucket is its holder's up to the second at which that counts as silent, and nobody's after it."""

import json

import pytest

from reelmend.pipelines.errors import SetupError
from reelmend.pipelines.storage.leases.lease import SILENT_S, Holder
from reelmend.pipelines.storage.leases.lease_object import Found
from reelmend.pipelines.storage.leases.remote_lease import RemoteLease
from reelmend.pipelines.storage.location import RemotePath

OTHER = Holder("first", "elsewhere", 1, "boot/pid:[1]/1/1")


class Object:
    """One whose holder is on another machine, lives and was heard of so many seconds ago; it compares on writing."""

    sure = True

    def __init__(self, age_s: float) -> None:
        self._age_s, self._text, self._tag, self._taken = age_s, json.dumps(OTHER.to_dict()), 0, False

    def look(self) -> Found:
        self._tag += not self._taken  # its holder goes on to renew it
        return Found(self._text, str(self._tag), self._age_s)

    def write(self, text: str, tag: str) -> str | None:
        if tag != str(self._tag):
            return None
        self._text, self._taken, self._tag = text, True, self._tag + 1
        return str(self._tag)


def lease(age_s: float) -> RemoteLease:
    return RemoteLease(RemotePath("b", "out/_reelmend/lease"), Holder.this_process("next"), Object(age_s), beat_s=0.04)


def test_one_that_was_silent_for_longer_is_free_at_once() -> None:
    with lease(SILENT_S + 0.1) as held:
        assert not held.lost


@pytest.mark.parametrize("age_s", [0.0, SILENT_S - 0.1, SILENT_S])
def test_one_that_was_heard_of_until_then_is_held(age_s: float) -> None:
    with pytest.raises(SetupError, match="run first, process 1 on elsewhere"):
        lease(age_s).__enter__()
