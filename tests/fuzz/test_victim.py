"""A fuzz test that could not fail would be none: each way in which a reader can go wrong is noticed."""

from pathlib import Path

import pytest

from tests.fuzz.victim import Victim

WRONG = {
    "bug": "def video(path): raise KeyError(path)",
    "died": "def video(path): import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "hung": "def video(path): import time; time.sleep(600)",
    "grew": "def video(path): len(b'x' * (500 << 20))",
    "refused": "def video(path): raise MediaError('no')",
    "read": "def video(path): pass",
}


@pytest.mark.parametrize("outcome", WRONG)
def test_what_a_reader_does_wrong_is_noticed(outcome: str, tmp_path: Path) -> None:
    error = "from reelmend.pipelines.errors import MediaError"
    (tmp_path / "readers.py").write_text(f"{error}\n{WRONG[outcome]}\nREADERS = {{'video': (video, MediaError)}}\n")
    (tmp_path / "victim.py").write_text((Path(__file__).parent / "victim.py").read_text())
    with Victim(deadline_s=1.0 if outcome == "hung" else 20.0, program=tmp_path / "victim.py") as victim:
        assert victim.ask("video", tmp_path / "a.mp4").outcome == outcome
        assert victim.ask("video", tmp_path / "a.mp4").outcome == outcome, "another process goes on"
