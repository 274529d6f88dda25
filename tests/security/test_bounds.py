"""A manifest that others wrote reads and writes where the job lets it, and changes nothing but what an item may."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelmend.pipelines.choices import Codec
from reelmend.pipelines.config import InputConfig, JobConfig, StitchConfig
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.job.load import ITEM_SECTIONS, load_job
from reelmend.pipelines.job.manifest import discover
from reelmend.pipelines.job.path_policy import PathPolicy
from reelmend.pipelines.storage.location import location_of
from reelmend.pipelines.tasks import Item
from tests.clips import moving_box, scene, write_images
from tests.jobs import add_item, finish, lossless_job


def listed(folder: Path, row: dict[str, Any], out: str = "", **settings: Any) -> list[Item]:
    (folder / "m.jsonl").write_text(json.dumps({"video": "a.mp4", "mask": "m.png"} | row) + "\n")
    given_ = InputConfig(manifest=str(folder / "m.jsonl"), allowed=settings.pop("allowed", []))
    return discover(JobConfig(input=given_, out=out or str(folder / "out"), **settings))


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("../x", "is outside the output folder"),
        ("a/../../x", "is outside the output folder"),
        ("/etc/x", "is outside the output folder"),
        ("//etc/x", "is outside the output folder"),
        (".", "is outside the output folder"),
        ("./", "is outside the output folder"),
        ("_reelmend/config.yaml", "a name reserved for the run's own files"),
        ("_REELMEND/store/x", "a name reserved for the run's own files"),
        ("./_reelmend/x", "a name reserved for the run's own files"),
        ("_reelmend.d/../_reelmend/x", "is outside the output folder"),
        ("_reelmend.x", "a name reserved for the run's own files"),
        ("x/.reelmend-partial-a.mp4/y", "a name reserved for the run's own files"),
        ("a\0b", "contains a control character"),
        ("a\x1b[31mb", "contains a control character"),
        ("a\nb", "contains a control character"),
        ("\ud800", "an invalid character"),
        ("a" * 240, "the name is too long"),
        ("b/" * 3000 + "a", "the name is too long"),
    ],
)
@pytest.mark.parametrize("out", ["", "s3://bucket/out"])
def test_an_output_that_leaves_its_folder_or_takes_the_runs_own_names_is_refused(
    output: str, said: str, out: str, tmp_path: Path
) -> None:
    if output.startswith("a" * 240) and out:
        pytest.skip("a bucket takes such a name")
    with pytest.raises(ConfigError, match=f"row 1: .*{said}"):
        listed(tmp_path, {"output": output}, out)


@pytest.mark.parametrize("output", ["%2e%2e/x", "..x/y", "x..", "...", "a b/ü/%00"])
def test_names_that_only_look_like_it_are_names(output: str, tmp_path: Path) -> None:
    (item,) = listed(tmp_path, {"output": output})
    assert item.output == tmp_path / "out" / f"{output}.mp4"


@given(st.text(max_size=40))
def test_whatever_an_output_is_called_it_lies_in_the_output_folder_or_is_refused(name: str) -> None:
    try:
        place = PathPolicy(JobConfig(out="/data/out")).output(name, ".mp4")
    except ConfigError:
        return
    assert isinstance(place, Path)
    assert place.resolve().is_relative_to("/data/out")
    assert not place.resolve().is_relative_to("/data/out/_reelmend")


def test_a_link_inside_the_output_folder_leads_no_output_out_of_it(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "out/inside").symlink_to(tmp_path / "out/real")
    with pytest.raises(ConfigError, match=r"out/link is a symbolic link out of the output folder .*, to .*elsewhere"):
        listed(tmp_path, {"output": "link/x"})
    assert listed(tmp_path, {"output": "inside/x"})[0].id == "inside/x"


def test_an_output_folder_that_is_itself_a_link_is_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "real")
    assert listed(tmp_path, {"output": "x/y"})[0].id == "x/y"


# --- what may be read ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "fits"),
    [
        ("in/a.mp4", True),
        ("in/deep/a.mp4", True),
        ("s3://footage/raw/a.mp4", True),
        ("in/../secret.mp4", False),
        ("inside/a.mp4", False),
        ("/etc/passwd", False),
        ("link/a.mp4", False),
        ("s3://footage/raw2/a.mp4", False),
        ("s3://other/raw/a.mp4", False),
        ("file:///etc/passwd", False),
    ],
)
@pytest.mark.parametrize("column", ["video", "mask"])
def test_with_allowed_places_an_item_reads_nowhere_else(column: str, place: str, fits: bool, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "link").symlink_to("/etc")
    row = {"video": "in/a.mp4", "mask": "in/m.png", column: place}
    allowed = [str(tmp_path / "in"), "s3://footage/raw"]
    if fits:
        assert len(listed(tmp_path, row, allowed=allowed)) == 1
    else:
        with pytest.raises(ConfigError, match=r"row 1: .* is outside input\.allowed"):
            listed(tmp_path, row, allowed=allowed)


def test_a_glob_is_held_to_the_allowed_places_too(tmp_path: Path) -> None:
    add_item(tmp_path, frames=2)
    job = lossless_job(tmp_path)
    job.input.allowed = [str(tmp_path / "elsewhere")]
    with pytest.raises(ConfigError, match="is outside input"):
        discover(job)


def test_allowed_places_in_a_job_file_start_at_the_file(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text("input: {allowed: [footage, 's3://b/x']}")
    assert load_job(tmp_path / "job.yaml").input.allowed == [str(tmp_path / "footage"), "s3://b/x"]


@pytest.mark.parametrize("text", ["s3://b/../x", "s3://b/a/../x"])
def test_a_bucket_has_no_way_up(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not supported in a bucket"):
        listed(tmp_path, {"video": text})


def test_credentials_in_a_url_are_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError) as refused:
        location_of("s3://AKIAABCDEFGHIJKLMNOP:sesame-open@bucket/x")
    assert "sesame" not in str(refused.value)
    assert "AKIA" not in str(refused.value)


@pytest.mark.parametrize("name", ["a\0b.mp4", "\ud800.mp4", "a" * 300, "b/" * 3000])
def test_a_name_that_no_file_can_have_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="row 1: "):
        listed(tmp_path, {"video": name})


# --- what an item may change -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "override",
    [
        *("out=/etc", "s3.endpoint=http://evil", "store.root=/etc", "input.allowed=[]", "limits.pixels=1000000"),
        *("name=x", "engine=propainter", "propainter.raft=/x.pth", "run.executor=inline", "metrics.host=0.0.0.0"),
        *("log.format=json", " s3.endpoint =x", "s3[endpoint]=x", "s3={endpoint: x}", "cost.rates=/x", "pools={}"),
    ],
)
def test_an_item_changes_nothing_that_is_the_runs(override: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"row 1: .*(cannot be set per item|no such setting)"):
        listed(tmp_path, {"overrides": [override]})


def test_an_item_may_change_only_what_belongs_to_its_picture() -> None:
    assert set(ITEM_SECTIONS) == {"mode", "outpaint", "mask", "find", "process", "flow", "plan", "stitch", "frames"}


@pytest.mark.parametrize("reference", ["${oc.env:PASSPHRASE}", "${out}", "x${s3.endpoint}"])
def test_an_item_reads_nothing_of_the_environment_or_the_job(
    reference: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSPHRASE", "sesame-open")
    with pytest.raises(ConfigError, match="is a reference, which is not allowed") as refused:
        listed(tmp_path, {"overrides": [f"stitch.speed={reference}"]})
    assert "sesame" not in str(refused.value)


def test_a_few_lines_of_aliases_do_not_fill_the_memory(tmp_path: Path) -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 12)]
    (tmp_path / "job.yaml").write_text("\n".join(["l0: &l0 [x, x]", *levels]))
    with pytest.raises(ConfigError, match="more than 100000 values"):
        load_job(tmp_path / "job.yaml")


def test_of_a_folder_with_an_empty_mask_only_the_images_are_copied(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("sesame")
    folder = write_images(tmp_path / "in/frames", scene(3))
    (folder / "note.txt").symlink_to(tmp_path / "secret.txt")
    write_images(tmp_path / "in/frames_mask", moving_box(3) & False)
    job = lossless_job(tmp_path)
    job.input.videos, job.stitch = [str(folder)], StitchConfig(codec=Codec.png)
    _, rows = finish(job)
    assert rows["frames"].state == "untouched"
    assert sorted(path.name for path in (tmp_path / "out/frames").iterdir()) == ["00000.png", "00001.png", "00002.png"]
