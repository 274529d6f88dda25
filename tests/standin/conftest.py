from collections.abc import Iterator

import pytest

from tests.standin.fake_cuda import Card, card


@pytest.fixture
def gpu() -> Iterator[Card]:
    """A card of 80 GB for this test."""
    with card() as found:
        yield found
