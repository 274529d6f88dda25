"""`propainter.precision`: a word, or a mapping of components to words."""

from pathlib import Path

import pytest

from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.registry import build_engine, build_flow
from reelmend.pipelines.engines.weights import WeightFile
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.job.load import dump_job, load_job

WEIGHTS = {name: WeightFile(Path(name), name * 8, "none", name) for name in ("raft", "flow_completion", "generator")}


def digests(precision: object) -> tuple[str, str]:
    job = load_job(flags={"engine": "propainter", "propainter.precision": precision})
    return build_flow(job, WEIGHTS).digest, build_engine(job, WEIGHTS).digest


def test_a_mapping_to_one_word_is_that_word() -> None:
    everything = dict.fromkeys(("raft", "encoder", "transformer", "decoder"), "fp32")
    assert digests(everything) == digests("fp32")


def test_another_format_of_raft_changes_flow_and_not_the_engine() -> None:
    assert digests({"raft": "fp32"}) == (digests("fp32")[0], digests("bf16")[1]), "what it leaves out is bf16"


def test_another_format_of_one_component_of_the_generator_changes_the_engine_alone() -> None:
    flow, engine = digests({"decoder": "fp32"})
    assert flow == digests("bf16")[0]
    assert engine not in (digests("bf16")[1], digests("fp32")[1])


def test_it_is_read_from_a_command_line_and_written_down() -> None:
    job = load_job(overrides=["engine=propainter", "propainter.precision={raft: fp32, decoder: fp16}"])
    assert job.propainter.precision == {"raft": "fp32", "decoder": "fp16"}
    assert "raft: fp32" in dump_job(job)


@pytest.mark.parametrize(
    ("precision", "said"),
    [
        (
            "half",
            "'half' is not one of fp32, bf16, fp16, nor a mapping of raft, encoder, transformer, decoder to these",
        ),
        ({"encode": "bf16"}, r"'encode' is not a component \(did you mean encoder\?\)"),
        ({"flow": "bf16", "raft": "fp64"}, "'flow' is not a component; raft cannot be 'fp64'; components are raft, "),
    ],
)
def test_bad_names_are_one_error(precision: object, said: str) -> None:
    with pytest.raises(ConfigError, match=rf"^propainter\.precision: {said}.*$"):
        load_job(flags={"engine": "propainter", "propainter.precision": precision})


def test_the_default_is_a_word() -> None:
    assert JobConfig().propainter.precision == "bf16"
