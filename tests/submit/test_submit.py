"""A job that is sent to a cluster ends there as it would here, and whoever sends it learns how."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ray.job_submission import JobDetails, JobStatus, JobSubmissionClient, JobType

from reelmend.cluster.jobs import exit_status_of
from reelmend.pipelines.cli import main
from reelmend.pipelines.job.load import dump_job
from tests.clips import write_clip, write_mask_image
from tests.jobs import add_item, lossless_job
from tests.submit.machines import Head

pytestmark = [pytest.mark.slow, pytest.mark.ray]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Nothing of the clip is masked, and the driver copies it itself: these tests are about the way there."""
    (tmp_path / "in").mkdir()
    write_clip(tmp_path / "in/clip.mp4", frames=2)
    write_mask_image(tmp_path / "in/clip_mask.png", np.zeros((64, 96), np.bool_))
    (tmp_path / "job.yaml").write_text(dump_job(lossless_job(tmp_path)))
    return tmp_path


def submit(head: Head, folder: Path, *more: str, **env: str) -> subprocess.CompletedProcess[str]:
    return head.reelmend("submit", str(folder / "job.yaml"), "--address", head.url, "--name", folder.name, *more, **env)


def ids(head: Head, name: str) -> tuple[dict[str, JobDetails], JobSubmissionClient]:
    """Jobs with this in their id, and the client that found them."""
    headers = {"Authorization": f"Bearer {head.env['RAY_AUTH_TOKEN']}"}
    client = JobSubmissionClient(head.url, headers=headers)
    known = {job.submission_id: job for job in client.list_jobs() if job.submission_id}
    return {id: job for id, job in known.items() if name in id}, client


@pytest.mark.slow
def test_quarantined_items_are_told_by_the_exit_status_and_the_next_try_is_a_new_job(head: Head, folder: Path) -> None:
    """Whoever reaches the cluster can read the runtime_env: nothing of the submitter's environment is in it."""
    (folder / "in" / "broken.mp4").write_bytes(b"not a video")
    (folder / "in" / "broken_mask.mkv").write_bytes(b"nor a mask")
    first = submit(head, folder, "--date", "2026-01-31", AWS_SECRET_ACCESS_KEY="do-not-tell")
    second = submit(head, folder, "--date", "2026-01-31")
    assert (first.returncode, second.returncode) == (3, 3)
    found, _ = ids(head, folder.name)
    assert set(found) == {f"reelmend-{folder.name}-2026-01-31", f"reelmend-{folder.name}-2026-01-31-2"}
    for details in found.values():
        assert details.runtime_env is not None
        assert set(details.runtime_env) <= {"working_dir", "_ray_commit"}
        assert "do-not-tell" not in str(details)


def test_another_job_of_the_same_name_and_day_is_not_taken_for_this_one(head: Head, folder: Path) -> None:
    _, client = ids(head, folder.name)
    client.submit_job(
        entrypoint="true",
        submission_id=f"reelmend-{folder.name}-2026-01-31",
        metadata={"content": "of another job"},
    )
    refused = submit(head, folder, "--date", "2026-01-31")
    assert refused.returncode == 2
    assert "is a different job: use another --name" in refused.stderr


@pytest.mark.parametrize(
    ("status", "code", "exit_status"),
    [("SUCCEEDED", 0, 0), ("FAILED", 3, 3), ("STOPPED", -15, 130), ("FAILED", -9, 137), ("FAILED", None, 1)],
)
def test_the_exit_status_is_that_of_the_run(status: str, code: int | None, exit_status: int) -> None:
    details = JobDetails(type=JobType.SUBMISSION, entrypoint="", status=JobStatus(status), driver_exit_code=code)
    assert exit_status_of(details) == exit_status


@pytest.mark.slow
def test_a_job_that_was_running_when_it_was_found_is_attached_to_and_a_stopped_one_is_not_a_success(
    head: Head, folder: Path
) -> None:
    add_item(folder, "long", frames=400)
    command = [
        sys.executable,
        "-m",
        "reelmend.pipelines.cli",
        "submit",
        str(folder / "job.yaml"),
        "--address",
        head.url,
    ]
    command += ["--name", folder.name, "run.executor=ray"]
    with subprocess.Popen(command, env=head.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as waits:
        end = time.monotonic() + 60
        while not (found := ids(head, folder.name)[0]):
            assert time.monotonic() < end
            time.sleep(0.2)
        _, client = ids(head, folder.name)
        more = ["--no-follow", "--json"]
        again = subprocess.run([*command, *more], env=head.env, capture_output=True, text=True, check=True)
        assert json.loads(again.stdout) == {"id": next(iter(found)), "new": False}
        client.stop_job(*found)
        said, _ = waits.communicate(timeout=120)
    assert waits.returncode == 130, said


def test_a_wrong_token_is_one_line(head: Head, folder: Path) -> None:
    refused = submit(head, folder, RAY_AUTH_TOKEN="f" * 32)
    assert refused.returncode == 2
    assert "requires a token: set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--address: expected the URL of a cluster's dashboard"),
        (("--address", "http://127.0.0.1:1"), "127.0.0.1:1"),
        (("--address", "http://127.0.0.1:1", "--date", "tomorrow"), "--date tomorrow: not a valid date"),
    ],
)
def test_an_empty_address_a_silent_one_and_no_day_are_one_line_each(
    folder: Path, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "argv", ["reelmend", "submit", str(folder / "job.yaml"), *words])
    with pytest.raises(SystemExit, match="2"):
        main()
    shown = capsys.readouterr().err
    assert said in shown
    assert len(shown.strip().splitlines()) == 1


def test_rays_own_command_does_it_too(head: Head, folder: Path) -> None:
    command = [f"{Path(sys.executable).parent}/ray", "job", "submit", "--address", head.url, "--working-dir", "."]
    command += ["--", "reelmend", "run", "job.yaml"]
    small = folder / "send"
    small.mkdir()
    (small / "job.yaml").write_text((folder / "job.yaml").read_text())
    done = subprocess.run(command, cwd=small, env=head.env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (folder / "out" / "clip.mp4").exists()
