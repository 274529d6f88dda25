"""What an item's own data may have caused never stops the run; what the machine does, does."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from reelmend.pipelines.errors import (
    FailureKind,
    MachineLost,
    MaskError,
    ReelmendError,
    SetupError,
    StoreAway,
    StoreError,
    kind_of,
)
from reelmend.pipelines.run.state_machine import BREAKER_FAILURES
from reelmend.pipelines.stages.blame import blame
from reelmend.pipelines.storage.local_files import LocalFiles
from reelmend.pipelines.tasks import Failure, ProbeTask, Stage, StitchTask
from tests.run.story import bad_machine, begin, item, lost, plan, take


def raised(action: Callable[[], object]) -> Exception:
    try:
        action()
    except Exception as exc:
        return exc
    raise AssertionError("nothing was raised")


def system_error(number: int, path: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), path)


PROBE, STITCH = ProbeTask(item("a")), StitchTask(item("a"), plan())


@pytest.mark.parametrize(
    ("error", "kind", "transient", "by_item"),
    [
        (MaskError("no mask"), "MaskError", False, True),
        (StoreError("disk full"), "StoreError", True, False),
        (SetupError("access denied"), "SetupError", True, False),
        (system_error(errno.ENOSPC, "/store/part"), "StoreError", True, False),
        (system_error(errno.ESTALE, "/store/part"), "StoreAway", True, False),
        (system_error(errno.EIO, "a.mp4"), "SourceUnreadable", True, True),
        (system_error(errno.ESTALE, "a.mp4"), "SourceUnreadable", True, True),
        (system_error(errno.EACCES, "a.mp4"), "MediaError", False, True),
        (system_error(errno.ELOOP, "mask.png"), "MaskError", False, True),
        (system_error(errno.EISDIR, "mask.png/7.png"), "MaskError", False, True),
        (av.error.FFmpegError(errno.ENOTSUP, "Operation not supported"), "MediaError", False, True),
        (av.error.FFmpegError(errno.ENOSPC, "No space left"), "StoreError", True, False),
        (raised(lambda: cv2.resize(np.zeros((0, 0), np.uint8), (1, 1))), "error", True, True),
        (ValueError("0 columns"), "ValueError", True, True),
        (ZeroDivisionError("by 0"), "ZeroDivisionError", True, True),
        (RuntimeError("CUDA error"), "RuntimeError", True, False),
        (MemoryError(), "MemoryError", True, False),
    ],
)  # fmt: skip
def test_an_error_is_blamed_on_who_can_have_caused_it(error: Any, kind: str, transient: bool, by_item: bool) -> None:
    found = blame(STITCH, error)
    assert (found.kind, found.transient, found.by_item) == (kind, transient, by_item)
    assert found.reason


def test_every_error_of_ours_has_a_kind_of_its_name_and_others_keep_theirs() -> None:
    """Ledgers and scripts know these names."""
    pending, ours = [ReelmendError], []
    while pending:
        below = pending.pop().__subclasses__()
        pending += below
        ours += [error for error in below if error.__module__ == "reelmend.pipelines.errors"]
    assert {error.__name__ for error in ours} | {"MemoryError"} == {str(kind) for kind in FailureKind}
    assert all(isinstance(kind_of(error), FailureKind) for error in ours)
    assert (kind_of(StoreAway("gone")), kind_of(ZeroDivisionError())) == (FailureKind.STORE_AWAY, "ZeroDivisionError")


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("no such layout"), KeyError("tag")])
def test_whatever_a_probe_stumbles_over_is_the_file_s(error: Exception) -> None:
    """It reads strangers' files and little else."""
    assert blame(PROBE, error).by_item


def test_what_our_files_say_of_a_source_is_said_of_the_source(tmp_path: Path) -> None:
    loop = tmp_path / "a.mp4"
    loop.symlink_to("a.mp4")
    task = ProbeTask(item(str(tmp_path / "a")))
    error = raised(lambda: LocalFiles().look(loop))
    assert isinstance(error, StoreError)
    found = blame(task, error)
    assert (found.kind, found.transient, found.by_item) == ("MediaError", False, True)
    assert found.reason == f"{loop}: cannot be read (Too many levels of symbolic links); is it a file?"


def test_a_store_s_mount_that_does_not_answer_is_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def stale(path: Path) -> None:
        raise system_error(errno.ESTALE, str(path))

    monkeypatch.setattr(Path, "read_bytes", stale)
    with pytest.raises(StoreAway, match="Stale file handle"):
        LocalFiles().read(tmp_path / "part")


@pytest.mark.parametrize("transient", [True, False])
def test_many_items_that_fail_by_their_own_data_do_not_stop_a_run(transient: bool) -> None:
    story = begin(*(f"v{n}" for n in range(50)), attempts=1, active_items=50)
    for _ in range(50):
        probe = take(story.state, Stage.PROBE)
        story.state.handle(Failure(probe.id, "ValueError", "odd tag", transient=transient, by_item=True))
    assert not story.state.halted


@pytest.mark.parametrize(("workers", "bound"), [(1, 10), (5, 10), (6, 12), (32, 64)])
def test_the_breaker_trips_at_its_bound_and_not_before(workers: int, bound: int) -> None:
    """Ten items, or twice the workers: one machine that dies takes a task from each."""
    story = begin(*(f"v{n}" for n in range(2 * bound)), attempts=3, active_items=2 * bound)
    story.state.expect_workers(workers)
    probes = [take(story.state, Stage.PROBE) for _ in range(bound)]
    for probe in probes[:-1]:
        story.state.handle(bad_machine(probe))
    assert not story.state.halted
    story.state.handle(bad_machine(probes[-1]))
    assert story.state.halted.startswith(f"{bound} items in a row failed at probe")


@pytest.mark.parametrize("more", [BREAKER_FAILURES - 1, BREAKER_FAILURES])
def test_a_lost_machine_brings_the_breaker_no_nearer(more: int) -> None:
    """Fifty items lose theirs, then others fail by a full disk: each task is of another item."""
    story = begin(*(f"v{n}" for n in range(99)), attempts=9, active_items=99)
    probes = [take(story.state, Stage.PROBE) for _ in range(99)]
    for probe in probes[:50]:
        story.state.handle(lost(probe, MachineLost.__name__))
    for probe in probes[50 : 50 + more]:
        story.state.handle(bad_machine(probe))
    assert bool(story.state.halted) is (more == BREAKER_FAILURES)


@pytest.mark.parametrize("attempts", [1, 2, 3])
def test_an_item_is_tried_as_often_as_the_job_says_and_no_more(attempts: int) -> None:
    story = begin("a", attempts=attempts)
    for number in range(1, attempts + 1):
        probe = take(story.state, Stage.PROBE)
        assert story.row("a").attempts == number
        story.state.handle(bad_machine(probe))
    assert story.row("a").state.bad
    assert story.state.take() is None
