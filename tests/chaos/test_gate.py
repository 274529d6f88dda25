"""The door that outages are made with: what a client sees while it is shut, and that it opens again."""

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.chaos.gate import Gate, Shut


@pytest.fixture
def gate(s3_endpoint: str) -> Iterator[Gate]:
    with Gate(s3_endpoint) as door:
        yield door


def ask(gate: Gate) -> int:
    with urllib.request.urlopen(gate.url, timeout=1.0) as answer:
        status: int = answer.status
    return status


@pytest.mark.parametrize(
    ("shut", "seen"),
    [
        (Shut.REFUSED, ConnectionRefusedError),
        (Shut.SILENT, TimeoutError),
        (Shut.UNAVAILABLE, urllib.error.HTTPError),
    ],
)
def test_a_shut_gate_shows_its_kind_of_outage_and_opens_again(gate: Gate, shut: Shut, seen: type[OSError]) -> None:
    assert ask(gate) == 200
    gate.shut(shut)
    with pytest.raises((OSError, urllib.error.HTTPError)) as caught:
        ask(gate)
    reason = getattr(caught.value, "reason", caught.value)
    assert isinstance(caught.value, seen) or isinstance(reason, seen | socket.timeout)
    gate.open()
    assert ask(gate) == 200
