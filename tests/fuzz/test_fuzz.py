"""Whatever a file holds, its reader answers with what is in it or with an error of ours: no crash, no hang, no growth.

The short form: three hundred files, the same ones every time. `make fuzz` is the long one.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.seeds import Seed, all_seeds, write
from tests.fuzz.victim import Victim


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="session")
def seeds(folder: Path) -> list[Seed]:
    return all_seeds(folder)


@pytest.fixture(scope="session")
def victim() -> Iterator[Victim]:
    with Victim() as process:
        yield process


@settings(
    max_examples=300,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(which=st.integers(0, 999), chance=st.integers(0, 2**32))
def test_a_hostile_file_is_read_or_refused(
    which: int, chance: int, folder: Path, seeds: list[Seed], victim: Victim
) -> None:
    seed = seeds[which % len(seeds)]
    path = write(folder, seed, random.Random(chance))
    answer = victim.ask(seed.reader, path)
    assert answer.good, f"{seed.reader} of {path.name}: {answer}"
    assert "\n" not in answer.detail or answer.detail.startswith("ConfigError")


def test_what_hostile_files_are_made_from_is_read(folder: Path, seeds: list[Seed], victim: Victim) -> None:
    for seed in seeds:
        if seed.good is not None:
            path = folder / f"good-{seed.name}"
            path.write_bytes(seed.good)
            answer = victim.ask(seed.reader, path)
            assert answer.outcome == "read", f"{path.name}: {answer}"
