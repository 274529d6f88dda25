"""Builds the wheel and tries it as a stranger would: a bare environment, an empty folder, nothing of the checkout.

python deploy/smoke_wheel.py [--keep FOLDER]

Exits 1 at the first step that fails, with its output.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the wheel and try it in a bare environment.")
    parser.add_argument("--keep", metavar="FOLDER", type=Path, help="copy the built files there")
    keep = parser.parse_args().keep
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        wheel = build(folder / "dist")
        commands = install(wheel, folder / "venv")
        use(commands, folder / "empty")
        if keep is not None:
            shutil.copytree(folder / "dist", keep, dirs_exist_ok=True)
    print(f"{wheel.name} works in a bare environment")


def build(dist: Path) -> Path:
    """Return the wheel, built from the source distribution, as an index builds it."""
    builder = dist.parent / "builder"
    venv.create(builder, with_pip=True)
    step("install the build tool", [builder / "bin/pip", "install", "--quiet", "build"])
    step("build", [builder / "bin/python", "-m", "build", "--outdir", dist, ROOT])
    (wheel,) = dist.glob("*.whl")
    return wheel


def install(wheel: Path, environment: Path) -> Path:
    """Return the folder of commands of a new environment that holds the wheel and its dependencies only."""
    venv.create(environment, with_pip=True)
    pip = environment / "bin/pip"
    step("install the wheel", [pip, "install", "--quiet", "-c", ROOT / "constraints.txt", wheel])
    return environment / "bin"


def use(commands: Path, folder: Path) -> None:
    """Run the commands of a first visit in an empty folder. The job of the demo stands for one of the visitor's."""
    folder.mkdir()
    reelmend = commands / "reelmend"
    step("version", [reelmend, "--version"], folder)
    step("doctor", [reelmend, "doctor"], folder)
    step("demo", [reelmend, "demo", "--out", "demo-out"], folder)
    videos, masks = "demo-out/input/scene.mp4", "demo-out/input/scene_mask.mkv"
    step("python", [commands / "python", "-c", PYTHON], folder)
    step("plan", [reelmend, "plan", "--videos", videos, "--masks", masks, "--out", "demo-out"], folder)
    for made in ("scene.mp4", "_reelmend/report.html"):
        if not (folder / "demo-out" / made).stat().st_size:
            sys.exit(f"the demo left an empty {made}")


PYTHON = """
import numpy as np
ramp = np.tile(np.arange(50, 210, dtype=np.uint8)[:, None], (20, 96, 1, 3))
mask = np.zeros(ramp.shape[1:3], bool); mask[40:56, 70:90] = True
frames = ramp.copy(); frames[:, mask] = 255

import reelmend
restored = reelmend.restore(frames, mask)

near = np.zeros_like(mask); near[36:60, 66:94] = True
assert (restored[:, ~near] == frames[:, ~near]).all(), "pixels outside the hole changed"
assert abs(restored.astype(int) - ramp).max() < 40, "the hole was not filled"
"""
"""20 frames of a grey ramp with a white box in it, restored by two lines."""


def step(name: str, command: Sequence[Path | str], folder: Path | None = None) -> None:
    """Run a command without the checkout on its path; end the program with its output where it fails."""
    print(f"{name}: {' '.join(map(str, command))}", flush=True)
    clean = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run([*map(str, command)], cwd=folder, env=clean, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name} ended with {done.returncode}\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    main()
