"""Settings that nothing in a job would use: a device for networks, levels of mask files."""

import pytest

from reelmend.pipelines.cli.mask import as_masks
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.job.load import load_job
from reelmend.pipelines.run.draft import as_draft
from reelmend.pipelines.run.preflight import refuse_idle_settings


def job(*overrides: str) -> JobConfig:
    return load_job(overrides=["run.executor=inline", *overrides])


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "mps"])
def test_who_asks_for_a_gpu_gets_no_run_on_the_cpu(device: str) -> None:
    with pytest.raises(
        ConfigError, match=rf"{device}: engine propagation .* use engine=propainter or auto, or device="
    ):
        refuse_idle_settings(job(f"device={device}"))
    refuse_idle_settings(job(f"device={device}", "flow.method=raft"))
    refuse_idle_settings(job(f"device={device}", "engine=auto"))


def test_a_job_for_networks_has_drafts_and_masks_without_them() -> None:
    networks = job("device=cuda", "engine=propainter")
    refuse_idle_settings(as_draft(networks))
    refuse_idle_settings(as_masks(networks))


@pytest.mark.parametrize("setting", ["mask.invert=true", "mask.label=3"])
def test_a_setting_of_mask_files_says_so_where_there_is_none(setting: str) -> None:
    refuse_idle_settings(job(setting, "input.masks=m/{stem}.png - box:0,0,9,9"))
    for masks in ("box:10,10,20,20", "text + track:10,10,20,20@0s"):
        with pytest.raises(ConfigError, match=f"{setting.partition('=')[0]}: is for mask files"):
            refuse_idle_settings(job(setting, f"input.masks={masks}"))
