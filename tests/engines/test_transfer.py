"""A file arrives whole over lines that break, from servers that do as they like; two files are never glued together."""

from pathlib import Path

import numpy as np
import pytest

from reelmend.pipelines.engines.weights.open import source_of
from reelmend.pipelines.engines.weights.registry import entry_of
from reelmend.pipelines.engines.weights.source import CHUNK_BYTES, Source
from reelmend.pipelines.engines.weights.transfer import ATTEMPTS, fetch
from reelmend.pipelines.errors import ConfigError, SetupError, StoreError
from tests.engines.file_server import FileServer, serving

ENTRY = entry_of("raft-things")
PLACE = "/raft-things.pth"
CONTENT = np.random.default_rng(1).bytes(3 * 2**20)
CHANGED = np.random.default_rng(2).bytes(3 * 2**20)


class Interrupted(Exception):
    """Stands for Ctrl-C."""


def fetch_quietly(source: Source, part: Path) -> list[tuple[int, int | None]]:
    """Return what was said of the progress: bytes here, bytes in all."""
    said: list[tuple[int, int | None]] = []
    fetch(source, part, lambda here, total: said.append((here, total)))
    return said


def fetch_until_interrupted(source: Source, part: Path) -> None:
    def interrupt(here: int, total: int | None) -> None:
        if here:
            raise Interrupted

    with pytest.raises(Interrupted):
        fetch(source, part, interrupt)


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "raft-things.pth.part"


@pytest.fixture
def source(server: FileServer) -> Source:
    server.files[PLACE] = CONTENT
    return source_of(ENTRY, server.url)


def ranges(server: FileServer) -> list[str | None]:
    return [headers.get("Range") for headers in server.asked]


def test_a_whole_file_comes_in_one_request_and_leaves_no_note(server: FileServer, source: Source, part: Path) -> None:
    said = fetch_quietly(source, part)
    assert part.read_bytes() == CONTENT
    assert ranges(server) == [None]
    assert (said[0], said[-1]) == ((0, len(CONTENT)), (len(CONTENT), len(CONTENT)))
    assert list(part.parent.glob("*.part*")) == [part]


def test_after_a_break_only_the_rest_is_asked_for(server: FileServer, source: Source, part: Path) -> None:
    server.cut_after = [2_000_000, 500_000, 100]
    fetch_quietly(source, part)
    assert part.read_bytes() == CONTENT
    first, *others = ranges(server)
    assert first is None
    starts = [int(asked.removeprefix("bytes=").removesuffix("-")) for asked in others if asked]
    assert len(starts) == len(others) == 3
    assert 1_900_000 < starts[0] < starts[1] == starts[2]


def test_an_interrupted_command_goes_on_where_it_stopped(server: FileServer, source: Source, part: Path) -> None:
    fetch_until_interrupted(source, part)
    said = fetch_quietly(source, part)
    assert part.read_bytes() == CONTENT
    assert ranges(server) == [None, f"bytes={CHUNK_BYTES}-"]
    assert said[0] == (CHUNK_BYTES, len(CONTENT))


@pytest.mark.parametrize("heeds_if_range", [True, False])
def test_a_file_that_changed_meanwhile_is_fetched_anew(
    heeds_if_range: bool, server: FileServer, source: Source, part: Path
) -> None:
    server.heeds_if_range = heeds_if_range
    fetch_until_interrupted(source, part)
    server.files[PLACE] = CHANGED
    fetch_quietly(source, part)
    assert part.read_bytes() == CHANGED


def test_a_server_that_knows_no_ranges_sends_the_file_anew(server: FileServer, source: Source, part: Path) -> None:
    server.knows_ranges = False
    fetch_until_interrupted(source, part)
    fetch_quietly(source, part)
    assert part.read_bytes() == CONTENT


def test_a_server_that_sends_less_than_was_asked_for_is_asked_for_more(
    server: FileServer, source: Source, part: Path
) -> None:
    server.longest_part = len(CONTENT) // 2
    fetch_until_interrupted(source, part)
    fetch_quietly(source, part)
    assert part.read_bytes() == CONTENT
    assert len(server.asked) == 3


def test_without_a_validator_nothing_is_resumed(server: FileServer, source: Source, part: Path) -> None:
    server.says_etag = False
    fetch_until_interrupted(source, part)
    fetch_quietly(source, part)
    assert part.read_bytes() == CONTENT
    assert ranges(server) == [None, None]


def test_a_part_from_elsewhere_is_not_gone_on_with(server: FileServer, source: Source, part: Path) -> None:
    fetch_until_interrupted(source, part)
    with serving() as other:
        other.files[PLACE] = CHANGED
        fetch_quietly(source_of(ENTRY, other.url), part)
        assert ranges(other) == [None]
    assert part.read_bytes() == CHANGED


def test_a_part_that_is_longer_than_the_file_is_fetched_anew(server: FileServer, source: Source, part: Path) -> None:
    fetch_until_interrupted(source, part)
    part.write_bytes(CONTENT + b"and more")
    fetch_quietly(source, part)
    assert part.read_bytes() == CONTENT


def test_a_part_without_its_note_is_fetched_anew(server: FileServer, source: Source, part: Path) -> None:
    part.write_bytes(b"of who knows what")
    fetch_quietly(source, part)
    assert part.read_bytes() == CONTENT


def test_a_server_that_fails_twice_is_asked_again(server: FileServer, source: Source, part: Path) -> None:
    server.statuses = [500, 503]
    fetch_quietly(source, part)
    assert part.read_bytes() == CONTENT
    assert len(server.asked) == 3


def test_a_line_that_breaks_every_time_ends_with_what_is_here(server: FileServer, source: Source, part: Path) -> None:
    server.cut_after = [32 * CHUNK_BYTES, *[0] * ATTEMPTS]
    with pytest.raises(
        StoreError, match=r"5 attempts; 2\.1 MB downloaded so far; run the same command again to resume"
    ):
        fetch_quietly(source, part)
    assert len(server.asked) == ATTEMPTS
    assert part.read_bytes() == CONTENT[: 32 * CHUNK_BYTES]


@pytest.mark.parametrize("status", [404, 403, 410])
def test_an_answer_that_will_not_change_is_final(status: int, server: FileServer, source: Source, part: Path) -> None:
    server.statuses = [status] * 2
    with pytest.raises(SetupError, match=rf"{server.url}/raft-things\.pth: the server answers {status}"):
        fetch_quietly(source, part)
    assert len(server.asked) == 1
    assert not part.exists()


def test_a_server_that_is_not_there_is_said_so(part: Path) -> None:
    with serving() as server:
        url = server.url
    with pytest.raises(StoreError, match="no connection"):
        fetch_quietly(source_of(ENTRY, url), part)


def test_a_redirect_on_the_same_host_is_followed_and_one_to_another_is_not(
    server: FileServer, source: Source, part: Path
) -> None:
    server.redirects[PLACE] = "/there"
    server.files["/there"] = CONTENT
    fetch_quietly(source, part)
    assert part.read_bytes() == CONTENT
    with serving() as other:
        server.redirects[PLACE] = f"{other.url}/there"
        with pytest.raises(SetupError, match="neither https nor the same host"):
            fetch_quietly(source, part)
        assert other.asked == []


def test_redirects_in_a_circle_end(server: FileServer, source: Source, part: Path) -> None:
    server.redirects[PLACE] = PLACE
    with pytest.raises(SetupError, match="redirects more than 5 times"):
        fetch_quietly(source, part)


def test_a_file_of_unknown_length_is_taken_to_its_end(server: FileServer, source: Source, part: Path) -> None:
    server.says_length = False
    fetch_quietly(source, part)
    assert part.read_bytes() == CONTENT


def test_a_folder_is_a_mirror(tmp_path: Path, part: Path) -> None:
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "raft-things.pth").write_bytes(CONTENT)
    fetch_quietly(source_of(ENTRY, str(tmp_path / "mirror")), part)
    assert part.read_bytes() == CONTENT


def test_a_mirror_without_the_file_is_named(tmp_path: Path, part: Path) -> None:
    with pytest.raises(SetupError, match=r"raft-things\.pth: cannot be read \(No such file"):
        fetch_quietly(source_of(ENTRY, str(tmp_path)), part)


def test_a_disk_that_takes_no_more_is_not_blamed_on_the_line(source: Source, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"cannot be written \(Is a directory"):
        fetch_quietly(source, tmp_path)


def test_without_a_mirror_the_files_own_address_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert source_of(ENTRY, None).name == ENTRY.url
    monkeypatch.setenv("REELMEND_WEIGHTS_MIRROR", "https://example.org/weights/")
    assert source_of(ENTRY, None).name == "https://example.org/weights/raft-things.pth"


def test_a_password_in_an_address_is_not_repeated() -> None:
    assert source_of(ENTRY, "https://me:secret@example.org").name == "https://example.org/raft-things.pth"


@pytest.mark.parametrize("mirror", ["ftp://example.org", "file:///tmp", "https://", "s3://", "http://[::1"])
def test_other_schemes_and_broken_addresses_are_refused(mirror: str) -> None:
    with pytest.raises(ConfigError, match=r"not a source of weights|Invalid IPv6"):
        source_of(ENTRY, mirror)
