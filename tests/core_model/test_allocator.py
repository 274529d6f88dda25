"""Workers on GPUs let torch enlarge its blocks of memory; what the user has set stays."""

import os
from pathlib import Path

import pytest
import torch

from reelmend.core_model.device.allocator import let_segments_grow
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.stages.worker import Worker

NAME = "PYTORCH_ALLOC_CONF"


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (NAME, "PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_HIP_ALLOC_CONF"):
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)


@pytest.mark.parametrize(("engine", "value"), [("propainter", "expandable_segments:True"), ("propagation", None)])
def test_a_worker_sets_it_for_engines_that_want_gpus(engine: str, value: str | None, tmp_path: Path) -> None:
    Worker(RunContext("run", JobConfig(engine=engine, out=str(tmp_path))))
    assert os.environ.get(NAME) == value


@pytest.mark.parametrize("name", [NAME, "PYTORCH_CUDA_ALLOC_CONF"])
def test_what_the_user_has_set_stays(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "max_split_size_mb:64")
    let_segments_grow()
    assert os.environ.get(NAME) == ("max_split_size_mb:64" if name == NAME else None)


def test_torch_knows_the_name() -> None:
    (library,) = Path(torch.__file__).parent.glob("lib/libc10.*")
    assert NAME.encode() in library.read_bytes()
