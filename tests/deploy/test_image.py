"""The image cannot be built here, so it is read: what it copies exists, what it installs is locked, nobody is root."""

import fnmatch
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.deploy.manifests import ROOT, Document, containers, pod_templates, rendered

DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()


def _instructions() -> list[tuple[str, str]]:
    """(instruction, rest) of each, continued lines joined, comments left out."""
    lines = [line for line in DOCKERFILE.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(instruction, rest) for instruction, rest in (line.split(maxsplit=1) for line in joined.splitlines())]


def _locked() -> set[str]:
    names = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower() for name in names}


def _copied() -> Iterator[str]:
    for instruction, rest in _instructions():
        if instruction == "COPY" and not rest.startswith("--from"):
            yield from rest.split()[:-1]


def test_what_it_copies_exists_and_is_shown_to_the_build() -> None:
    shown = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = set(_copied())
    assert copied == shown
    assert all((ROOT / name).exists() for name in copied)


def test_every_package_of_the_project_is_copied() -> None:
    """`src` holds links; what they lead to is copied as well."""
    packages = {link.name for link in (ROOT / "src" / "reelmend").iterdir() if link.is_symlink()}
    assert {"src", "core_model", "pipelines"} <= {"src", *packages} <= set(_copied())


def test_bases_are_pinned_to_a_version() -> None:
    stages = set()
    for instruction, rest in _instructions():
        if instruction == "FROM":
            image, *stage = rest.split()
            assert image in stages or re.fullmatch(r"[\w./-]+:\d+\.\d+\.\d+-[\w.-]+(@sha256:\w{64})?", image), image
            stages |= {stage[-1]} if stage else set()


def _versions(file: Path) -> dict[str, str]:
    """Version by name of each package that a lock names."""
    return dict(re.findall(r"^([\w.-]+)==([\w.+]+)", file.read_text(), re.MULTILINE))


def test_the_bases_cuda_is_that_of_the_torch_which_the_lock_installs() -> None:
    """torch brings its CUDA as packages: the runtime's version says which it was built for, the suffix of cuDNN too."""
    base = re.search(r"^FROM nvidia/cuda:(\d+)\.(\d+)\.\d+-", DOCKERFILE, re.MULTILINE)
    assert base is not None
    lock = _versions(DEPLOY / "requirements.lock")
    assert lock["nvidia-cuda-runtime"].split(".")[:2] == [*base.groups()]
    assert f"nvidia-cudnn-cu{base[1]}" in lock
    assert lock["torch"].split(".")[:2] == ["2", "13"], "wheels of 2.13 are for CUDA 12.6, 13.0 and 13.2: look again"
    assert ".".join(base.groups()) in ("12.6", "13.0", "13.2")
    assert "--index-url" not in (DEPLOY / "requirements.lock").read_text() + DOCKERFILE, "another index, another CUDA"


def test_the_images_torchvision_is_the_one_released_for_its_torch() -> None:
    """torchvision 0.N goes with torch 2.(N-15): 0.15 came with 2.0, 0.28 with 2.13. Every file has its digest."""
    lock, gpu = _versions(DEPLOY / "requirements.lock"), _versions(DEPLOY / "gpu.lock")
    torch, torchvision = (version.split(".") for version in (lock["torch"], gpu["torchvision"]))
    assert (torch[0], torchvision[0]) == ("2", "0")
    assert int(torchvision[1]) - int(torch[1]) == 15
    assert not set(gpu) & set(lock), "what both name could differ"
    assert set(gpu) == {"torchvision", "nvidia-ml-py"}
    assert "pillow" in lock, "torchvision cannot be imported without it"
    assert (DEPLOY / "gpu.lock").read_text().count("--hash=sha256:") >= len(gpu)


def test_torchvision_is_no_dependency_of_those_without_a_gpu() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert not [line for line in project["dependencies"] if line.startswith("torchvision")]
    assert [line for line in project["optional-dependencies"]["gpu"] if line.startswith("torchvision")]


def test_dependencies_come_before_the_source_and_from_the_lock() -> None:
    steps = [f"{instruction} {rest}" for instruction, rest in _instructions()]
    install = next(index for index, step in enumerate(steps) if "pip install -c constraints.txt" in step)
    source = next(index for index, step in enumerate(steps) if step.startswith("COPY core_model"))
    assert install < source
    assert "--no-deps" in next(step for step in steps[source:] if "pip install" in step)


def test_all_that_the_project_needs_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {re.split(r"[\[>=<]", line)[0].lower() for line in project["dependencies"]}
    assert needed <= _locked()


def test_what_it_installs_by_name_has_the_locks_version() -> None:
    locked = set((ROOT / "constraints.txt").read_text().split())
    for instruction, rest in _instructions():
        for step in rest.split("&&"):
            if instruction == "RUN" and "pip install" in step:
                words = step.split("pip install")[1].split()
                named = [
                    word
                    for before, word in pairwise(["", *words])
                    if word[0] not in "-." and before not in ("-c", "-r")
                ]
                assert set(named) <= locked, step


def test_the_list_of_dependencies_is_the_projects() -> None:
    printed = subprocess.run(
        [sys.executable, "deploy/dependencies.py"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    of_masks = [package for extra in ("text", "sam") for package in project["optional-dependencies"][extra]]
    assert printed.splitlines() == [*project["dependencies"], *of_masks], "workers make masks"


def test_nobody_is_root_and_pods_run_as_the_images_user() -> None:
    last = [rest for instruction, rest in _instructions() if instruction == "USER"][-1]
    user, _, group = last.partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert f"--uid {user} " in DOCKERFILE
    security = [pod["spec"]["securityContext"] for pod in _own_pods()]
    assert {(one["runAsUser"], one["runAsGroup"]) for one in security} == {(int(user), int(group))}


def _own_pods() -> list[Document]:
    return [
        pod
        for _, pod in pod_templates(rendered("long-lived"))
        if any(container["image"].startswith("reelmend:") for container in pod["spec"]["containers"])
    ]


def test_no_layer_can_hold_weights_or_keys() -> None:
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert next(line for line in ignored if not line.startswith("#")) == "*"
    for name in ("model.pth", "model.safetensors"):
        assert any(fnmatch.fnmatch(f"conf/{name}", pattern) for pattern in ignored if not pattern.startswith("!"))
    for instruction, rest in _instructions():
        assert instruction not in ("ADD", "ARG"), rest
        assert not re.search(r"TOKEN|SECRET|PASSWORD|ACCESS_KEY", rest)
        assert "weights pull" not in rest


def test_the_weights_lie_where_pods_mount_them() -> None:
    assert "REELMEND_WEIGHTS=/weights" in DOCKERFILE
    paths = {mount["mountPath"] for _, one in containers(rendered("gpu")) for mount in one.get("volumeMounts", [])}
    assert "/weights" in paths


def test_what_the_engine_compiles_is_kept_where_the_images_user_may_write() -> None:
    """numba uses no cache in a folder that it cannot write, and the package's own is root's."""
    user_made = re.search(r"useradd .* (\w+)$", DOCKERFILE, re.MULTILINE)
    assert user_made is not None
    home = f"/home/{user_made[1]}"
    assert f"NUMBA_CACHE_DIR={home}/" in DOCKERFILE
    steps = [f"{instruction} {rest}" for instruction, rest in _instructions()]
    user = max(index for index, step in enumerate(steps) if step.startswith("USER "))
    assert "RUN python -m reelmend.core_model.propagation.warm_up" in steps[user:]


def _hashed() -> dict[str, tuple[str, list[str]]]:
    """{name: (version, digests)} of what the image installs."""
    text = (DEPLOY / "requirements.lock").read_text().replace("\\\n", " ")
    lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    pinned = {words[0]: words[1:] for words in lines}
    return {name.split("==")[0]: (name.split("==")[1], digests) for name, digests in pinned.items()}


def test_every_file_that_it_installs_has_a_known_digest() -> None:
    (step,) = [rest for instruction, rest in _instructions() if instruction == "RUN" and "-r requirements.lock" in rest]
    assert "--require-hashes" in step
    for name, (_, digests) in _hashed().items():
        assert digests, name
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", digest) for digest in digests), name


def test_what_it_installs_is_the_lock_and_all_that_the_project_needs() -> None:
    """CUDA's own libraries are the image's alone: the lock is of a machine without a GPU."""
    locked = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    locked = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in locked.items()}
    hashed = _hashed()
    assert {
        name: (version, locked[name]) for name, (version, _) in hashed.items() if locked.get(name, version) != version
    } == {}
    others = {name for name in hashed if name not in locked}
    assert all(name.startswith(("nvidia-", "cuda-")) or name == "triton" for name in others), others
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {re.split(r"[\[>=<]", line)[0].lower() for line in project["dependencies"]} | {"setuptools"} <= hashed.keys()


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = shutil.which("hadolint") or shutil.which("hadolint", path=ROOT / ".venv-lint" / "bin")
    if hadolint is None:
        pytest.skip("hadolint is not installed: `make lint` installs it")
    done = subprocess.run([hadolint, str(DEPLOY / "Dockerfile")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_what_it_copies_is_enough_to_build_the_package(tmp_path: Path) -> None:
    for name in _copied():
        source, target = ROOT / name, tmp_path / Path(name).name
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "."]
    done = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("reelmend-*.whl")
    names = set(ZipFile(wheel).namelist())
    needed = ("cluster/cli/launch.py", "conf/defaults.yaml", "pipelines/observe/report/report.html.jinja")
    assert {f"reelmend/{name}" for name in needed} <= names
