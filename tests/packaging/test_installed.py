"""What an installation holds, and that it works beside a user's own folders of any name.

`pipelines`, `cluster` and `conf` are names that projects have. In site-packages they would overwrite another
distribution's, and a user's folder would be imported in their stead; so all that is installed is called `reelmend`.
"""

import os
import runpy
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.clips import moving_box, write_clip, write_mask_image

ROOT = Path(__file__).parents[2]
SOURCE = ("src", "core_model", "pipelines", "cluster", "conf", "pyproject.toml", "README.md", "LICENSE")
THEIRS = ("core_model", "pipelines", "cluster", "conf")
_BUILD = (
    "import sys; from setuptools import build_meta; print(getattr(build_meta, 'build_' + sys.argv[1])(sys.argv[2]))"
)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The wheel of the source, and the one of the source distribution."""
    folder = tmp_path_factory.mktemp("build")
    tree = folder / "tree"
    tree.mkdir()
    for name in SOURCE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, tree / name)
    with tarfile.open(_build("sdist", tree, folder)) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    return [_build("wheel", tree, folder / "direct"), _build("wheel", unpacked, folder / "of_sdist")]


def _build(what: str, tree: Path, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    built = _run([sys.executable, "-c", _BUILD, what, str(folder)], cwd=tree)
    return folder / built.splitlines()[-1]


def _run(command: list[str], cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, cwd=cwd, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_wheel_holds_nothing_at_its_top_but_reelmend(wheels: list[Path]) -> None:
    direct, of_sdist = (sorted(ZipFile(wheel).namelist()) for wheel in wheels)
    assert {name.split("/")[0] for name in direct} == {"reelmend", "reelmend-0.1.0.dist-info"}
    assert direct == of_sdist


def test_a_wheel_holds_every_file_of_the_packages(wheels: list[Path]) -> None:
    held = set(ZipFile(wheels[0]).namelist())
    listed = subprocess.run(["git", "ls-files", *THEIRS], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    assert {f"reelmend/{name}" for name in listed.stdout.split()} <= held
    assert "reelmend/py.typed" in held


@pytest.fixture(scope="module")
def installed(wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment into which the wheel was installed; the libraries are those of this one."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    _run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
    python = folder / "bin" / "python"
    _run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(python),
            "install",
            "-q",
            "--no-deps",
            "--no-index",
            str(wheels[1]),
        ]
    )
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    _bring_compiled_loops(packages / "reelmend" / "core_model" / "propagation")
    return python


def _bring_compiled_loops(folder: Path) -> None:
    """numba's files are good for a source of the same name and date: what takes minutes to compile is taken along."""
    source = ROOT / "core_model" / "propagation"
    (folder / "__pycache__").mkdir(exist_ok=True)
    for file in folder.glob("*.py"):
        shutil.copystat(source / file.name, file)
    for compiled in (source / "__pycache__").glob("*.nb[ic]"):
        shutil.copy2(compiled, folder / "__pycache__")


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A folder with packages of the names that ours have in the repository; importing one leaves a trace."""
    for name in (*THEIRS, "utils", "storage"):
        package = tmp_path / name
        package.mkdir()
        (package / "__init__.py").write_text(f"raise SystemExit('the package {name} of the user was imported')\n")
    return tmp_path


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def test_it_is_imported_and_restores_beside_a_users_packages_of_the_same_names(installed: Path, beside: Path) -> None:
    """`python -c` has the current folder first among the places where modules are looked for."""
    code = (
        "import sys, reelmend\n"
        "import reelmend.core_model.regions, reelmend.pipelines.cli, reelmend.cluster.resources, reelmend.conf\n"
        "assert sys.path[0] == ''\n"
        "print(reelmend.__file__)\n"
    )
    place = _run([str(installed), "-c", code], cwd=beside, env=_environment()).split()[-1]
    assert Path(place).is_relative_to(installed.parents[1])


def test_two_lines_of_python_restore_20_frames(installed: Path, beside: Path) -> None:
    """What deploy/smoke_wheel.py tries in an environment that has nothing else."""
    code = runpy.run_path(str(ROOT / "deploy" / "smoke_wheel.py"))["PYTHON"]
    _run([str(installed), "-c", code], cwd=beside, env=_environment())


def test_a_run_beside_a_users_packages_reads_none_of_them(installed: Path, beside: Path) -> None:
    """The flow of pictures, the fill of holes, the report with its assets: all that a demo does, on 4 frames."""
    video = write_clip(beside / "clip.mp4", 4, audio=False)
    mask = write_mask_image(beside / "mask.png", moving_box(1)[0])
    words = ["run", "--videos", str(video), "--masks", str(mask), "--out", "out", "run.executor=inline"]
    _run([str(installed.parent / "reelmend"), *words], cwd=beside, env=_environment())
    assert (beside / "out" / "clip.mp4").stat().st_size > 0
    assert "</html>" in (beside / "out" / "_reelmend" / "report.html").read_text()


@pytest.mark.ray
@pytest.mark.slow
def test_rays_workers_import_the_installed_package_and_not_the_users(installed: Path, beside: Path) -> None:
    video = write_clip(beside / "clip.mp4", 4, audio=False)
    mask = write_mask_image(beside / "mask.png", moving_box(1)[0])
    words = ["run", "--videos", str(video), "--masks", str(mask), "--out", "out", "run.executor=ray"]
    _run([str(installed.parent / "reelmend"), *words], cwd=beside, env=_environment())
    assert (beside / "out" / "clip.mp4").stat().st_size > 0
