"""Do the YAML files say what the code does? A key nobody explained fails here, with what to add where."""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from importlib.resources import files
from typing import Any

import pytest
from omegaconf import OmegaConf

import reelmend.pipelines.config
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.job.presets import preset_names

CONF = files("reelmend.conf")
DEFAULTS = (CONF / "defaults.yaml").read_text()


def leaves(section: Any, prefix: str = "") -> Iterator[str]:
    for field in fields(section):
        value = getattr(section, field.name)
        if is_dataclass(value):
            yield from leaves(value, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}"


def test_defaults_yaml_holds_every_setting_with_the_default_of_the_code() -> None:
    written = OmegaConf.to_container(OmegaConf.create(DEFAULTS))
    declared = OmegaConf.to_container(OmegaConf.structured(JobConfig), enum_to_str=True)
    assert written == declared


@pytest.mark.parametrize("key", list(leaves(JobConfig())))
def test_every_setting_of_defaults_yaml_has_a_comment_above_it(key: str) -> None:
    lines = DEFAULTS.splitlines()
    name = key.rpartition(".")[2]
    places = [index for index, line in enumerate(lines) if line.strip().startswith(f"{name}:")]
    assert places, f"add {key} to conf/defaults.yaml"
    assert all(lines[index - 1].strip().startswith("#") for index in places), f"explain {key} in conf/defaults.yaml"


def test_every_field_of_the_config_classes_has_a_docstring() -> None:
    tree = ast.parse(inspect.getsource(reelmend.pipelines.config))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name.endswith("Config")]
    for section in classes:
        for field, following in zip(section.body, [*section.body[1:], None], strict=True):
            if isinstance(field, ast.AnnAssign) and "Config" not in ast.unparse(field.annotation):
                assert isinstance(following, ast.Expr), f"explain {section.name}.{ast.unparse(field.target)}"


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_opens_with_its_purpose_its_command_and_its_effect(name: str) -> None:
    text = (CONF / "presets" / f"{name}.yaml").read_text()
    head = text[: text.index("\n", text.rindex("\n#"))]
    assert head.startswith("# For ")
    assert f"reelmend run --preset {name} " in head
    assert "# Effect: " in head
