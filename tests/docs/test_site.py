"""The pages build without a warning, as `make docs` does it."""

import subprocess
import sys
from pathlib import Path


def test_the_documentation_builds_and_every_warning_is_an_error(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    built = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    assert (tmp_path / "site" / "index.html").exists()
    assert (tmp_path / "site" / "ray-cluster" / "index.html").exists()
