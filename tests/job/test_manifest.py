"""Which items a job has: globs with mask rules, and manifests; what is wrong is said before any work."""

import glob
import json
import unicodedata
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reelmend.pipelines.choices import Codec, Mode
from reelmend.pipelines.config import InputConfig, JobConfig, OutpaintConfig, StitchConfig
from reelmend.pipelines.errors import ConfigError, StoreError
from reelmend.pipelines.job.found_videos import PassedOver
from reelmend.pipelines.job.load import dump_job, load_job
from reelmend.pipelines.job.manifest import discover
from reelmend.pipelines.tasks import Item

MakeFiles = Callable[..., None]

LARGER: dict[str, Any] = {"mode": Mode.outpaint, "outpaint": OutpaintConfig(1.5, 1.0)}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeFiles:
    """Make empty files (or images) by name, inside an empty current folder; nothing here opens a video."""
    monkeypatch.chdir(tmp_path)

    def make(*names: str) -> None:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".png":
                cv2.imwrite(str(path), np.zeros((2, 2), np.uint8))
            else:
                path.touch()

    return make


def found(videos: list[str], masks: str | None = None, **settings: Any) -> dict[str, tuple[str, str, str]]:
    job = JobConfig(input=InputConfig(videos=[*videos], masks=masks), **settings)
    return {item.id: (str(item.video), str(item.mask), str(item.output)) for item in discover(job)}


def test_one_mask_serves_all_videos_of_a_glob(files: MakeFiles) -> None:
    files("in/a.mp4", "in/b.mov", "in/notes.txt", "mask.png")
    assert found(["in/*"], "mask.png") == {
        "a": ("in/a.mp4", "mask.png", "out/a.mp4"),
        "b": ("in/b.mov", "mask.png", "out/b.mp4"),
    }


@pytest.mark.parametrize(
    ("made", "videos", "codec", "out", "said"),
    [
        (["in/clip.mov"], ["in/*"], Codec.h264, "in", "in/clip.mov .*copy.* is an input of this job"),
        (["in/a.png/0.png"], ["in/a.png"], Codec.h264, "in", "in/a.png .*copy.* is an input"),
        (
            ["in/s.mp4", "in/s/a.mp4"],
            ["in/**/*.mp4"],
            Codec.png,
            "out",
            "in/s.mp4 would write out/s, which contains .*in/s/a.mp4",
        ),
        (["in/a.mp4"], ["in/a.mp4"], Codec.png, "out", None),
        (["in/s.mp4", "in/s/a.mp4"], ["in/**/*.mp4"], Codec.h264, "out", None),
        (["in/s.1.mp4", "in/s.2.mp4"], ["in/*"], Codec.png, "out", None),
    ],
)
def test_an_item_that_could_overwrite_an_input_or_anothers_output_is_refused(
    files: MakeFiles, made: list[str], videos: list[str], codec: Codec, out: str, said: str | None
) -> None:
    files(*made, "mask.png")
    refused = nullcontext() if said is None else pytest.raises(ConfigError, match=said)
    with refused:
        found(videos, "mask.png", out=out, stitch=StitchConfig(codec=codec))


def test_an_output_around_an_input_is_refused(files: MakeFiles) -> None:
    """What is put there would remove the folder that the input lies in."""
    files("shot.mp4", "in/shot/mask.png")
    with pytest.raises(
        ConfigError, match=r"shot.mp4 would write in/shot, which contains .*in/shot/mask.png of shot.mp4"
    ):
        found(["shot.mp4"], "in/shot/mask.png", out="in", stitch=StitchConfig(codec=Codec.png))


def test_without_a_rule_the_mask_lies_beside_the_video_and_is_no_video_itself(files: MakeFiles) -> None:
    files("in/a.mp4", "in/a_mask.mp4", "in/b.mp4", "in/b_mask/000.png", "in/c.mp4")
    assert {name: mask for name, (_, mask, _) in found(["in/*.mp4"]).items()} == {
        "a": "in/a_mask.mp4",
        "b": "in/b_mask",
        "c": "in/c_mask.png",  # absent: the probe says so
    }


def test_a_pattern_names_each_videos_mask(files: MakeFiles) -> None:
    files("in/a.mp4", "in/b.mp4")
    assert [mask for _, mask, _ in found(["in/*.mp4"], "masks/{stem}_m.png").values()] == [
        "masks/a_m.png",
        "masks/b_m.png",
    ]


def test_the_star_of_a_pattern_stands_for_anything_and_a_bracket_in_a_videos_name_for_itself(
    files: MakeFiles,
) -> None:
    files("in/clip[1].mp4", "in/b.mp4", "masks/clip1_x.png", "masks/clip[1]_x.png", "masks/b_y.png")
    masks = {name: mask for name, (_, mask, _) in found(["in/*.mp4"], "masks/{stem}_*.png").items()}
    assert masks == {"b": "masks/b_y.png", "clip[1]": "masks/clip[1]_x.png"}


def test_a_folder_of_masks_is_searched_by_the_videos_name(files: MakeFiles) -> None:
    files("in/a.mp4", "in/b.mp4", "masks/a.png", "masks/b/000.png")
    assert [mask for _, mask, _ in found(["in/*.mp4"], "masks").values()] == ["masks/a.png", "masks/b"]


def test_a_folder_of_mask_frames_is_one_mask(files: MakeFiles) -> None:
    files("in/a.mp4", "masks/000.png", "masks/001.png")
    assert found(["in/a.mp4"], "masks")["a"][1] == "masks"


def test_a_folder_of_images_is_a_video(files: MakeFiles) -> None:
    files("trees/000.png", "trees_mask/000.png")
    assert found(["trees"]) == {"trees": ("trees", "trees_mask", "out/trees.mp4")}
    assert found(["*"]) == {"trees": ("trees", "trees_mask", "out/trees.mp4")}


def test_a_folder_of_videos_stands_for_all_of_them(files: MakeFiles) -> None:
    files("in/a.mp4", "in/b.mkv", "mask.png")
    assert set(found(["in"], "mask.png")) == {"a", "b"}


def test_folders_below_a_glob_are_kept_in_the_output(files: MakeFiles) -> None:
    files("in/x/a.mp4", "in/y/a.mp4", "mask.png")
    outputs = [output for _, _, output in found(["in/**/*.mp4"], "mask.png").values()]
    assert outputs == ["out/x/a.mp4", "out/y/a.mp4"]


def test_a_video_that_cannot_be_looked_at_is_not_said_to_be_absent(files: MakeFiles, tmp_path: Path) -> None:
    files("mask.png")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(StoreError, match=r"cannot look at loop/a.mp4: Too many levels"):
        found(["loop/a.mp4"], "mask.png")


@pytest.mark.parametrize("given", ["in/*.mp4", "./in/*.mp4", "in", "in/a.mp4"])
def test_a_bracket_in_a_folder_around_a_job_changes_no_output_and_the_saved_job_reads_the_same(
    files: MakeFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    files("p[1]/in/a.mp4", "p[1]/m.png")
    monkeypatch.chdir(tmp_path / "p[1]")
    typed = load_job(flags={"input.videos": [given], "input.masks": "m.png"})
    (tmp_path / "p[1]/job.yaml").write_text(f"input: {{videos: [{given}], masks: m.png}}")
    (tmp_path / "config.yaml").write_text(dump_job(typed))
    for job in (typed, load_job(tmp_path / "p[1]/job.yaml"), load_job(tmp_path / "config.yaml")):
        assert [item.id for item in discover(job)] == ["a"]


def test_the_codec_decides_the_suffix(files: MakeFiles) -> None:
    files("a.mp4", "mask.png")
    assert found(["a.mp4"], "mask.png", stitch=StitchConfig(codec=Codec.ffv1))["a"][2] == "out/a.mkv"
    assert found(["a.mp4"], "mask.png", stitch=StitchConfig(codec=Codec.png))["a"][2] == "out/a"


@pytest.mark.parametrize(
    ("videos", "masks", "out", "said"),
    [
        ([], None, "out", "no input: give --videos"),
        (["none/*.mp4"], "mask.png", "out", r"no video matches 'none/\*.mp4'"),
        (["in/a.*"], "mask.png", "out", "two items would write out/a.mp4: in/a.mov and in/a.mp4"),
        (["in/a.mp4"], "mask.png", "in", "in/a.mp4 is an input of this job and would be overwritten"),
        (["in/a.mp4"], "{stam}.png", "out", "{stam} is unknown; did you mean {stem}"),
    ],
)
def test_what_cannot_be_run_is_refused(
    files: MakeFiles, videos: list[str], masks: str | None, out: str, said: str
) -> None:
    files("in/a.mp4", "in/a.mov", "mask.png")
    with pytest.raises(ConfigError, match=said):
        found(videos, masks, out=out)


def test_outpainting_without_a_rule_takes_a_mask_beside_the_video_and_does_without_where_there_is_none(
    files: MakeFiles,
) -> None:
    files("in/a.mp4", "in/a_mask.png", "in/b.mp4")
    masks = {name: mask for name, (_, mask, _) in found(["in/*.mp4"], **LARGER).items()}
    assert masks == {"a": "in/a_mask.png", "b": "None"}


def test_outpainting_with_a_rule_names_every_mask_so_that_a_mistyped_rule_does_not_go_unseen(
    files: MakeFiles,
) -> None:
    files("in/a.mp4")
    assert found(["in/a.mp4"], "masks/{stem}.png", **LARGER)["a"][1] == "masks/a.png"


# --- manifests -------------------------------------------------------------------------------------------------------

ROWS: list[dict[str, Any]] = [
    {"video": "in/a.mp4", "mask": "a.png", "output": "x/a", "frames": 30, "fps": 25.0, "overrides": "mask.dilation=9"},
    {"video": "in/b.mp4", "mask": "b.png", "output": None, "frames": None, "fps": None, "overrides": None},
]


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    pq.write_table(pa.Table.from_pylist(rows), path)


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    lines = [",".join(rows[0])] + [",".join("" if v is None else str(v) for v in row.values()) for row in rows]
    path.write_text("\n".join(lines) + "\n")


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


WRITERS = {"parquet": write_parquet, "csv": write_csv, "jsonl": write_jsonl}


def listed(path: Path, **settings: Any) -> list[Item]:
    return discover(JobConfig(input=InputConfig(manifest=str(path)), **settings))


@pytest.mark.parametrize("kind", WRITERS)
def test_a_manifest_reads_the_same_in_every_format(tmp_path: Path, kind: str) -> None:
    WRITERS[kind](tmp_path / f"list.{kind}", ROWS)
    first, second = listed(tmp_path / f"list.{kind}")
    assert (first.id, first.video, first.mask) == ("x/a", tmp_path / "in/a.mp4", tmp_path / "a.png")
    assert (str(first.output), first.frames, first.fps) == ("out/x/a.mp4", 30, 25.0)
    assert first.overrides == ("mask.dilation=9",)
    assert (second.id, second.frames, second.overrides) == ("b", None, ())


def test_whole_numbers_may_have_a_point_as_in_a_table_with_gaps(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("video,mask,frames,width\na.mp4,m.png,292.0,640.0\nb.mp4,m.png,,\n")
    assert [(item.frames, item.width) for item in listed(tmp_path / "m.csv")] == [(292, 640), (None, None)]


@pytest.mark.parametrize(("codec", "output"), [("h264", "a.mp4"), ("ffv1", "a.mkv"), ("png", "a")])
def test_an_output_may_be_given_with_a_suffix_and_the_codec_decides_which_it_gets(
    tmp_path: Path, codec: str, output: str
) -> None:
    write_jsonl(tmp_path / "m.jsonl", [{"video": "a.mkv", "mask": "m.png", "output": "clean/a.mp4"}])
    (item,) = listed(tmp_path / "m.jsonl", stitch=StitchConfig(codec=Codec(codec)))
    assert (item.id, str(item.output)) == ("clean/a", f"out/clean/{output}")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"video": "a.mp4", "masc": "m.png"}], "column 'mask' is missing"),
        ([{"video": "a.mp4", "mask": "m.png", "ouput": "x"}], "column 'ouput' is unknown; did you mean 'output'"),
        ([{"video": "a.mp4", "mask": ""}], "row 1: video or mask is empty"),
        ([{"video": "a.mp4", "mask": "m.png", "frames": "many"}], "row 1: frames='many' is not a number"),
        ([{"video": "a", "mask": "m.png", "fps": 1e-4}], "row 1: fps=0.0001 is outside 0.001..1000"),
        ([{"video": "a.mp4", "mask": "m.png", "width": 1.5}], "row 1: width=1.5 is not a whole number"),
        ([{"video": "a.mp4", "mask": "m.png", "output": "../x"}], "row 1: output '../x' is outside the output folder"),
        ([{"video": "a.mp4", "mask": "m.png", "output": "/etc/x"}], "row 1: output '/etc/x' is outside"),
        ([{"video": "a.mp4", "mask": "m.png", "overrides": "mask.dilatoin=1"}], "row 1: .*mask.dilation"),
        ([{"video": f"{n}/a.mp4", "mask": "m.png"} for n in "xy"], "two items would write out/a.mp4"),
    ],
)
def test_a_manifest_that_cannot_be_meant_is_refused(tmp_path: Path, rows: list[dict[str, Any]], said: str) -> None:
    write_jsonl(tmp_path / "m.jsonl", rows)
    with pytest.raises(ConfigError, match=said):
        listed(tmp_path / "m.jsonl")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("m.jsonl", "{broken", "line 1 of the manifest is not JSON"),
        ("m.jsonl", "[1]", "line 1 of the manifest is not a JSON object"),
        ("m.jsonl", "", "the manifest has no rows"),
        ("m.parquet", "no parquet", "cannot read manifest"),
        ("m.txt", "x", "a manifest is .parquet, .csv or .jsonl, not '.txt'"),
    ],
)
def test_a_file_that_is_no_manifest_is_refused(tmp_path: Path, name: str, content: str, said: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ConfigError, match=said):
        listed(tmp_path / name)


@pytest.mark.parametrize("kind", WRITERS)
def test_outpainting_needs_no_masks_and_takes_those_there_are(tmp_path: Path, kind: str) -> None:
    WRITERS[kind](tmp_path / f"a.{kind}", [{"video": "a.mp4"}, {"video": "b.mp4"}])
    WRITERS[kind](tmp_path / f"b.{kind}", [{"video": "a.mp4", "mask": None}, {"video": "b.mp4", "mask": "b.png"}])
    assert [item.mask for item in listed(tmp_path / f"a.{kind}", **LARGER)] == [None, None]
    assert [item.mask for item in listed(tmp_path / f"b.{kind}", **LARGER)] == [None, tmp_path / "b.png"]


def test_a_row_that_outpaints_needs_no_mask_and_one_that_does_not_needs_one(tmp_path: Path) -> None:
    larger = {"video": "a.mp4", "mask": None, "overrides": "mode=outpaint outpaint.scale_w=2"}
    write_jsonl(tmp_path / "m.jsonl", [larger, {"video": "b.mp4", "mask": "b.png"}])
    assert [item.mask for item in listed(tmp_path / "m.jsonl")] == [None, tmp_path / "b.png"]
    write_jsonl(tmp_path / "m.jsonl", [larger, {"video": "b.mp4"}])
    with pytest.raises(ConfigError, match="row 2: video or mask is empty"):
        listed(tmp_path / "m.jsonl")


def test_a_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read manifest .*none.csv"):
        listed(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("odd", "said"),
    [("b\udcff.mp4", r"not UTF-8: in/b\xff.mp4"), ("a\nb.mp4", "control character"), ("n" * 251, "too long")],
)
def test_a_name_that_cannot_be_used_costs_its_item_and_no_other(files: MakeFiles, odd: str, said: str) -> None:
    files("mask.png", "in/a.mp4", f"in/{odd.removesuffix('.mp4')}.mp4")
    good, bad = sorted(
        discover(JobConfig(input=InputConfig(videos=["in/*"], masks="mask.png"))), key=lambda i: i.problem
    )
    assert (good.id, good.problem) == ("a", "")
    assert said in bad.problem
    assert bad.problem.isprintable()
    assert bad.id.isprintable()
    with pytest.raises(ConfigError, match="rename it"):
        found([f"in/{glob.escape(odd[0])}[!.]*"], "mask.png")  # nothing else is left to do


def test_a_row_with_a_name_that_cannot_be_used_costs_its_item_and_no_other(tmp_path: Path) -> None:
    rows = [{"video": "a\x1b[2J.mp4", "mask": "m.png"}, {"video": "b.mp4", "mask": "m.png"}]
    write_jsonl(tmp_path / "m.jsonl", [*rows, {"video": "c.mp4", "mask": "m.png", "output": "x" * 300}])
    bad, good, long = listed(tmp_path / "m.jsonl")
    assert (good.id, good.problem) == ("b", "")
    assert "row 1: video 'a\\x1b[2J.mp4' contains a control character" in bad.problem
    assert "row 3: " in long.problem
    assert all(str(item.video).isprintable() for item in (bad, long)), "logs and reports show it"


def test_every_name_that_cannot_be_used_is_an_item_by_itself(tmp_path: Path) -> None:
    """Of names that look alike once their odd letters are gone, and of one video in two rows."""
    names = ["a\x1b.mp4", "a\x07.mp4", "a\x07.mp4\x1b"]
    write_jsonl(tmp_path / "m.jsonl", [{"video": name, "mask": "m.png"} for name in (*names, "good.mp4")])
    items = listed(tmp_path / "m.jsonl")
    assert [bool(item.problem) for item in items] == [True, True, True, False]
    assert len({item.id for item in items}) == 4


# --- what folders hold beside videos ---------------------------------------------------------------------------------


def passed_over(videos: list[str], masks: str | None = "mask.png") -> tuple[list[str], list[str]]:
    passed = PassedOver()
    items = discover(JobConfig(input=InputConfig(videos=[*videos], masks=masks)), passed)
    return [item.id for item in items], passed.lines


KINDS = ("vob", "264", "m2v", "asf", "divx", "qt", "f4v", "mjpeg", "gif", "3g2", "hevc", "MTS")


def test_every_kind_of_file_that_can_be_restored_is_taken_up(files: MakeFiles) -> None:
    files("mask.png", *(f"in/{number:02}.{kind}" for number, kind in enumerate(KINDS)))
    assert passed_over(["in"]) == ([f"{number:02}" for number in range(len(KINDS))], [])


@pytest.mark.parametrize("pattern", ["in", "in/*"])
def test_what_is_no_video_is_said_to_be_passed_over_but_masks_and_hidden_files_are_not(
    files: MakeFiles, pattern: str
) -> None:
    files("in/a.mp4", "in/a_mask.mkv", "in/notes.txt", "in/b.mp4.part", "in/.DS_Store")
    names, lines = passed_over([pattern], None)
    assert names == ["a"]
    assert [line.partition(": ")[2].partition(": ")[0] for line in lines] == ["in/b.mp4.part", "in/notes.txt"]


def test_a_folder_in_a_folder_is_said_to_be_passed_over(files: MakeFiles) -> None:
    files("mask.png", "in/a.mp4", "in/more/b.mp4")
    names, lines = passed_over(["in"])
    assert names == ["a"]
    assert lines == ["skipped: in/more: a nested folder; use 'in/**/*' to include its videos"]


def test_a_moving_preview_beside_its_video_does_not_stop_the_job(files: MakeFiles) -> None:
    files("mask.png", "in/a.mp4", "in/a.gif", "in/b.gif")
    names, lines = passed_over(["in"])
    assert names == ["a", "b"]
    assert "in/a.gif: another video has the same name" in lines[0]


def test_names_match_however_a_system_spells_their_accents(files: MakeFiles) -> None:
    composed, apart = (unicodedata.normalize(form, "Café") for form in ("NFC", "NFD"))
    files(f"in/{apart}.mp4", f"masks/{composed}.png", f"side/{composed}.mp4", f"side/{apart}_mask.png")
    in_folder = f"masks/{composed}.png"
    for rule in ("masks", "masks/{stem}.png", "masks/{stem}.*"):
        assert found([f"in/{composed}*"], rule)[apart][1] == in_folder
    assert found([f"in/{composed}.mp4"], "masks")[apart][1] == in_folder
    assert found(["side/*.mp4"])[composed][1] == f"side/{apart}_mask.png"


def test_rows_match_however_a_system_spells_their_accents(tmp_path: Path) -> None:
    composed, apart = (unicodedata.normalize(form, "Café") for form in ("NFC", "NFD"))
    (tmp_path / apart).mkdir()
    (tmp_path / apart / f"{apart}.mp4").touch()
    write_jsonl(tmp_path / "m.jsonl", [{"video": f"{composed}/{composed}.mp4", "mask": "m.png"}])
    assert listed(tmp_path / "m.jsonl")[0].video == tmp_path / apart / f"{apart}.mp4"


def test_videos_that_are_all_masks_are_no_job(files: MakeFiles) -> None:
    files("in/a.mp4", "in/b.mp4")
    with pytest.raises(ConfigError, match=r"every video is also a mask: in/a.mp4 has the mask in/a.mp4"):
        found(["in/*.mp4"], "in/{name}")
    with pytest.raises(ConfigError, match="every video is also a mask"):
        found(["in/a.mp4"], "in/a.mp4")


def test_a_row_whose_video_is_its_mask_costs_its_item(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "m.jsonl", [{"video": "a.mp4", "mask": "a.mp4"}, {"video": "b.mp4", "mask": "m.png"}])
    bad, good = listed(tmp_path / "m.jsonl")
    assert "is also its own mask" in bad.problem
    assert not good.problem
