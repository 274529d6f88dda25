"""JSON schema of a job file, from the declarations in `pipelines/config.py`: completion and checks in editors."""

import ast
import dataclasses
import inspect
import textwrap
from contextlib import suppress
from enum import StrEnum
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from reelmend.pipelines.config import AUTO_FLOW
from reelmend.pipelines.engines.flow_registry import flow_methods
from reelmend.pipelines.engines.job_class import job_class
from reelmend.pipelines.engines.registry import engine_specs

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TYPES = {str: ["string", "number"], int: ["integer"], float: ["number"], bool: ["boolean"], NoneType: ["null"]}
"""JSON types that a job file may use for a setting; a number is read as text where text is wanted."""
_VARIABLE = {"type": "string", "pattern": r"\$\{.+\}"}
"""A reference, such as `${oc.env:NAME}`, which may stand for any value."""


def job_schema() -> dict[str, Any]:
    """Return the schema as a JSON document."""
    head = {"$schema": DIALECT, "title": "reelmend job file"}
    schema = head | _section(job_class()) | {"type": "object"}
    engine = schema["properties"]["engine"]
    del engine["type"]
    engine["anyOf"] = [{"enum": list(engine_specs())}, _VARIABLE]
    method = schema["properties"]["flow"]["properties"]["method"]
    del method["type"]
    method["anyOf"] = [{"enum": [AUTO_FLOW, *flow_methods()]}, _VARIABLE]
    return schema


def field_comments(section: type) -> dict[str, str]:
    """Return the docstring under each field of a config class; none where its source is not to be had."""
    found: dict[str, str] = {}
    for part in reversed(section.__mro__[:-1]):
        with suppress(OSError, SyntaxError):  # of a class that was made, or typed into a console
            (tree,) = ast.parse(textwrap.dedent(inspect.getsource(part))).body
            if isinstance(tree, ast.ClassDef):
                found |= _comments_in(tree)
    return found


def _comments_in(tree: ast.ClassDef) -> dict[str, str]:
    return {
        field.target.id: " ".join(str(text.value.value).split())
        for field, text in zip(tree.body, tree.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
    }  # fmt: skip


def _section(section: type) -> dict[str, Any]:
    comments, hints = field_comments(section), get_type_hints(section)
    properties: dict[str, Any] = {}
    for field in dataclasses.fields(section):
        hint = hints[field.name]
        if dataclasses.is_dataclass(hint):
            assert isinstance(hint, type)
            properties[field.name] = _section(hint)
        else:
            properties[field.name] = {"description": comments.get(field.name, ""), "default": _default(field)} | _value(
                hint
            )
    return {"type": ["object", "null"], "additionalProperties": False, "properties": properties}


def _value(hint: Any) -> dict[str, Any]:
    """Return what a setting of this type may hold. A list of one text may be written without brackets."""
    if hint is Any:  # a word, or a mapping that the engine checks
        return {"anyOf": [{"type": ["string", "object"]}, _VARIABLE]}
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return {"anyOf": [{"enum": [member.value for member in hint]}, _VARIABLE]}
    if get_origin(hint) is list:
        (of,) = get_args(hint)
        types = {"type": ["array", "string"] if of is str else "array", "items": _value(of)}
        return types if of is str else {"anyOf": [types, _VARIABLE]}
    types = {"type": [name for kind in get_args(hint) or (hint,) for name in _TYPES[kind]]}
    return types if "string" in types["type"] else {"anyOf": [types, _VARIABLE]}


def _default(field: Any) -> Any:
    return field.default if field.default is not dataclasses.MISSING else field.default_factory()
