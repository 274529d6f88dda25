"""The TAB key completes commands, options, settings and presets, as Bash asks for them."""

import os
import subprocess
import sys

import pytest


def offered(line: str) -> list[str]:
    """What Bash shows for a line whose last word is being typed."""
    asked = {"_REELMEND_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    code = "import sys; sys.argv[0] = 'reelmend'; from reelmend.pipelines.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **asked}, capture_output=True, text=True, check=False
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("reelmend sta", ["status"]),
        ("reelmend run --only", ["--only-new"]),
        ("reelmend run stitch.co", ["stitch.codec="]),
        ("reelmend run stitch.codec=p", ["stitch.codec=prores", "stitch.codec=png"]),
        ("reelmend run --preset mem", ["memory_efficient"]),
        ("reelmend run job.y", []),  # nothing of ours: the shell completes the file's name
    ],
)
def test_the_tab_key_offers(line: str, words: list[str]) -> None:
    assert offered(line) == words
