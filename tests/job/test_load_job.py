"""What does a user see who mistypes something, and which source wins?"""

from pathlib import Path

import pytest

from reelmend.pipelines.choices import Codec, Mode
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.job.load import apply_overrides, dump_job, load_job
from reelmend.pipelines.job.presets import preset_names


def write(folder: Path, text: str, name: str = "job.yaml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    return path


def problems_of(**sources: object) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_job(**sources)  # type: ignore[arg-type]
    return str(caught.value).splitlines()


def test_a_job_without_any_source_is_the_defaults() -> None:
    assert load_job() == JobConfig()


def test_the_command_line_wins_over_the_file_and_the_file_over_the_preset(tmp_path: Path) -> None:
    file = write(tmp_path, "stitch: {crf: 30, speed: slow}\n")
    job = load_job(file, "fast", ["stitch.speed=slower"])
    assert (job.stitch.crf, job.stitch.speed) == (30, "slower")
    assert job.flow.max_side == load_job(preset="fast").flow.max_side != JobConfig().flow.max_side


def test_flags_win_over_everything(tmp_path: Path) -> None:
    file = write(tmp_path, "out: a\n")
    assert load_job(file, overrides=["out=b"], flags={"out": "c"}).out == "c"


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("stitch.codc=h264", "stitch.codc: no such setting (command line); did you mean stitch.codec?"),
        ("stich.codec=h264", "stich.codec: no such setting (command line); did you mean stitch.codec?"),
        ("overlap=3", "overlap: no such setting (command line); did you mean plan.overlap?"),
        (
            "stitch.qqqq=3",
            "stitch.qqqq: no such setting (command line); stitch has codec, crf, speed, chroma, sound",
        ),
        (
            "stitch.codec=h266",
            "stitch.codec: 'h266' is not one of h264, h265, ffv1, prores, png (command line)",
        ),
        ("mask.dilation=four", "mask.dilation: 'four' is not a whole number (command line)"),
        ("mask.dilation=1.5", "mask.dilation: '1.5' is not a whole number (command line)"),
        ("plan.shots=perhaps", "plan.shots: 'perhaps' is not true or false (command line)"),
        ("stitch=h264", "stitch: 'h264' is not a section; it holds codec, crf, speed, chroma, sound (command line)"),
        ("input.image_rate=0.0001", "input.image_rate: 0.0001 is outside 0.001..1000 (command line)"),
        ("mask.threshold=255", "mask.threshold: 255 is outside 0..254 (command line)"),
        ("stitch.crf=52", "stitch.crf: 52 is outside 0..51 (command line)"),
        ("quality.review_below=1.5", "quality.review_below: 1.5 is outside 0..1 (command line)"),
        ("quality.review_below=nan", "quality.review_below: nan is outside 0..1 (command line)"),
        ("metrics.port=70000", "metrics.port: 70000 is outside 0..65535 (command line)"),
        ("run.attempts=0", "run.attempts: 0 is below 1 (command line)"),
        ("flow.max_side=4", "flow.max_side: 4 is below 16 pixels (0 means the source's size) (command line)"),
        ("plan.shot_threshold=nan", "plan.shot_threshold: nan is outside 0 (excluded) .. 255 (command line)"),
        ("mode=paint", "mode: 'paint' is not one of inpaint, outpaint, masks (command line)"),
        ("outpaint.scale_w=0.5", "outpaint.scale_w: 0.5 is outside 1..4 (command line)"),
        ("outpaint.scale_h=nan", "outpaint.scale_h: nan is outside 1..4 (command line)"),
        ("outpaint.scale_w=wide", "outpaint.scale_w: 'wide' is not a number (command line)"),
        ("mode=outpaint", "mode: outpaint needs outpaint.scale_w or outpaint.scale_h above 1 (command line)"),
        ("cost.pools=4", "cost.pools: '4' is not a list of whole numbers, as in [1,8] (command line)"),
        ("cost.pools=four", "cost.pools: 'four' is not a list of whole numbers, as in [1,8] (command line)"),
        ("input.videos={}", "input.videos: '{}' is not a list of text (command line)"),
        ("name=${nothing}", "name: Interpolation key 'nothing' not found (command line)"),
        ("fast", "'fast' is not an override (command line); use KEY=VALUE, such as stitch.crf=20"),
    ],
)
def test_each_mistake_is_one_line_that_names_key_and_source(override: str, line: str) -> None:
    assert problems_of(overrides=[override]) == [line]


def test_all_mistakes_of_all_sources_are_told_at_once(tmp_path: Path) -> None:
    file = write(tmp_path, "mask: {dilatation: 3}\nstitch: {crf: 99}\n")
    assert problems_of(file=file, overrides=["run.workers=two"]) == [
        f"mask.dilatation: no such setting ({file}); did you mean mask.dilation?",
        "run.workers: 'two' is not a whole number (command line)",
        f"stitch.crf: 99 is outside 0..51 ({file})",
    ]


def test_factors_may_be_whole_numbers_and_differ_from_item_to_item() -> None:
    job = load_job(overrides=["mode=outpaint", "outpaint.scale_w=2"])
    assert (job.mode, job.outpaint.scale_w, job.outpaint.scale_h) == (Mode.outpaint, 2.0, 1.0)
    assert apply_overrides(job, ("outpaint.scale_h=1.5",)).outpaint.scale_h == 1.5
    assert apply_overrides(job, ("mode=inpaint",)).mode is Mode.inpaint


def test_two_settings_that_do_not_go_together_blame_the_one_that_was_set() -> None:
    [line] = problems_of(overrides=["plan.overlap=30"])
    assert line.startswith("plan.block_length: 80 is less than four times plan.overlap (30)")
    assert line.endswith("use at least 120 (command line)")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("stitch: {crf: 3\n", "line 2: not valid YAML"),
        ("a: 1\na: 2\n", "line 2: not valid YAML: found duplicate key a"),
        ("- one\n", "expected KEY: VALUE lines"),
        ("name:\n", "name: has no value, but needs text"),
    ],
)
def test_a_file_that_is_no_job_says_what_is_wrong_with_it(tmp_path: Path, text: str, words: str) -> None:
    [line] = problems_of(file=write(tmp_path, text))
    assert words in line
    assert "job.yaml" in line


def test_a_missing_file_and_an_unknown_preset_are_named(tmp_path: Path) -> None:
    assert problems_of(file=tmp_path / "no.yaml") == [f"{tmp_path / 'no.yaml'}: no such job file"]
    assert problems_of(preset="fats") == ["--preset fats: no such preset; did you mean fast?"]


def test_an_empty_file_and_an_empty_section_say_nothing(tmp_path: Path) -> None:
    assert load_job(write(tmp_path, "# nothing yet\nstitch:\n")) == JobConfig()


def test_paths_in_a_file_start_at_the_file_and_those_of_the_command_line_do_not(tmp_path: Path) -> None:
    text = "out: o\ninput: {videos: ['in/*.mp4', /abs/a.mp4], masks: m.png}\n"
    file = write(tmp_path / "jobs", text)
    job = load_job(file)
    assert job.out == str(tmp_path / "jobs" / "o")
    assert job.input.videos == [str(tmp_path / "jobs/in/*.mp4"), "/abs/a.mp4"]
    assert job.input.masks == str(tmp_path / "jobs/m.png")
    assert load_job(file, overrides=["out=elsewhere"]).out == "elsewhere"


def test_a_home_of_nobody_is_named(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text("out: ~nobody-is-called-so/out")
    with pytest.raises(ConfigError, match="~nobody-is-called-so/out: no such user"):
        load_job(tmp_path / "job.yaml")


def test_one_video_needs_no_list(tmp_path: Path) -> None:
    assert load_job(overrides=["input.videos=a.mp4"]).input.videos == ["a.mp4"]
    assert load_job(overrides=["input.videos=[a.mp4,b.mp4]"]).input.videos == ["a.mp4", "b.mp4"]


def test_a_video_with_brackets_in_its_name_is_not_taken_for_a_pattern(tmp_path: Path) -> None:
    video = tmp_path / "take[1].mp4"
    video.touch()
    [pattern] = load_job(flags={"input.videos": [str(video)]}).input.videos
    assert list(tmp_path.glob(Path(pattern).name)) == [video]


def test_text_stays_as_it_was_typed() -> None:
    assert load_job(overrides=["name=007"]).name == "007"


def test_a_dumped_job_loads_from_another_folder_as_the_same_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    job = load_job(overrides=["out=o", "input.videos=[in/*.mp4]", "input.masks=m.png", "stitch.codec=ffv1"])
    file = write(tmp_path / "elsewhere", dump_job(job), "config.yaml")
    again = load_job(file)
    assert again.stitch.codec is Codec.ffv1
    assert again.out == str(tmp_path / "o")
    assert again.input.videos == [str(tmp_path / "in/*.mp4")]
    assert dump_job(again) == dump_job(job)


def test_an_item_may_differ_in_how_it_is_restored_but_not_in_how_the_run_goes() -> None:
    job = load_job()
    assert apply_overrides(job, ("mask.dilation=9",)).mask.dilation == 9
    assert job.mask.dilation == JobConfig().mask.dilation
    with pytest.raises(ConfigError, match=r"run cannot be set per item \(overrides of the item\)"):
        apply_overrides(job, ("run.workers=2",))
    with pytest.raises(ConfigError, match=r"mask\.dilation: 'x' is not a whole number"):
        apply_overrides(job, ("mask.dilation=x",))


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_loads_and_changes_something(name: str) -> None:
    assert load_job(preset=name) != JobConfig()
