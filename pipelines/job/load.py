"""Loading of a job: defaults, presets, job file and command line, merged and checked.

Later sources win: the dataclasses of `pipelines/config.py` and `conf/defaults.yaml` (which agree), the presets that the
job file names and those of `--preset` (`pipelines/job/presets.py`), the job file, the dot-list (`stitch.codec=ffv1`),
the flags (`--out`). Every problem of every source is found, then raised once.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from importlib.resources import files as resources
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from reelmend.pipelines.config import JobConfig, S3Config
from reelmend.pipelines.engines.job_class import job_class, without_other_plugins
from reelmend.pipelines.engines.registry import find_spec
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.job.environment import note_variables, without_values
from reelmend.pipelines.job.one_output import split_output
from reelmend.pipelines.job.paths import absolute_paths, rebase_paths
from reelmend.pipelines.job.presets import KEY as PRESET_KEY
from reelmend.pipelines.job.presets import Preset, engine_notes, read_presets
from reelmend.pipelines.job.validate import find_contradictions, find_problems
from reelmend.pipelines.job.yaml import NOT_YAML, read_mapping, read_word
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.location import Location

COMMAND_LINE = "command line"
DEFAULTS = "conf/defaults.yaml"
ITEM_SECTIONS = ("frames", "mode", "outpaint", "mask", "find", "process", "flow", "plan", "stitch")
"""What may differ from item to item; the rest belongs to the run."""
_OF_THE_JOB = ("flow.method",)
"""Settings of these sections that belong to the run all the same: a worker builds what they name once."""


@dataclass(frozen=True)
class _Setting:
    """One key = value of one source."""

    key: str
    value: Any
    origin: str
    folder: Location | None = None
    """Relative paths among the values start here; None: in the current directory."""


@dataclass(frozen=True)
class LoadedJob:
    """A job, and where it came from."""

    job: JobConfig
    presets: tuple[Preset, ...]
    """In the order in which they were laid over each other."""
    origins: Mapping[str, str]
    """By dotted key, the source that set it last; a key that only the defaults set has theirs."""

    @property
    def notes(self) -> list[str]:
        """What a user would want to know of presets that disagree."""
        return engine_notes(self.presets, self.job.engine, self.origins["engine"])

    def set_by_job(self, key: str) -> bool:
        """Whether the job file or the command line set this key: no preset can change it then."""
        return self.origins.get(key, DEFAULTS) not in {DEFAULTS, *(preset.origin for preset in self.presets)}


def load_job(
    file: Location | None = None,
    preset: str | Sequence[str] | None = None,
    overrides: Sequence[str] = (),
    flags: Mapping[str, Any] | None = None,
    s3: S3Config | None = None,
    origin: str = COMMAND_LINE,
) -> JobConfig:
    """Merge all sources into one checked job.

    `preset` names presets, laid one over the other in order, over those that the job file names. `flags` maps a dotted
    key to its value and wins over `overrides`; `origin` is what messages call the source of both. Relative paths in the
    job file start at the file's own folder; those of overrides and flags in the current directory. `s3` says how a file
    in a bucket is reached. Raises ConfigError with one line a problem.
    """
    return load_sources(file, preset, overrides, flags, s3, origin).job


def load_sources(
    file: Location | None = None,
    preset: str | Sequence[str] | None = None,
    overrides: Sequence[str] = (),
    flags: Mapping[str, Any] | None = None,
    s3: S3Config | None = None,
    origin: str = COMMAND_LINE,
    without: str = "",
) -> LoadedJob:
    """As `load_job`, with where the settings came from; the preset named `without` is left out."""
    merge, files = _Merge(OmegaConf.structured(job_class())), Files(s3)
    merge.apply_tree(read_mapping(Path(str(resources("reelmend.conf") / "defaults.yaml")), Files()), DEFAULTS)
    tree = {} if file is None else read_mapping(file, files)
    named = [] if file is None else read_presets(tree.get(PRESET_KEY), str(file), files, file.parent)
    given = preset if preset is None or isinstance(preset, str) else list(preset)
    presets = [*named, *read_presets(given, "--preset", files)]
    for text in overrides:
        key, _, raw = text.partition("=")
        if key.strip() == PRESET_KEY:
            presets += read_presets(_parse(raw, list[str]), origin, files)
    presets += read_presets((flags or {}).get(PRESET_KEY), origin, files)
    presets = [one for one in presets if one.name != without]
    for one in presets:
        merge.apply_tree(one.settings, one.origin, folder=one.folder)
    if file is not None:
        merge.apply_tree(tree, str(file), folder=file.parent)
    merge.apply_dot_list(overrides, origin)
    for key, value in (flags or {}).items():
        merge.apply(_Setting(key, value, origin))
    job = replace(merge.finish(whole=True), preset=[one.name for one in presets])
    return LoadedJob(job, tuple(presets), merge.origins())


def values_of_presets(names: Sequence[str], s3: S3Config) -> tuple[list[Preset], list[dict[str, Any]]]:
    """Return presets, and by dotted key what each of them sets alone, paths absolute. Raises ConfigError."""
    presets = read_presets(list(names), "--preset", Files(s3))
    found = []
    for one in presets:
        merge = _Merge(OmegaConf.structured(job_class()))
        merge.apply_tree(one.settings, one.origin, folder=one.folder)
        values = leaf_values(absolute_paths(merge.unchecked()))
        found.append({key: values[key] for key in merge.origins()})
    return presets, found


def leaf_values(job: JobConfig) -> dict[str, Any]:
    """Return every setting by its dotted key, as plain values."""
    return dict(_leaves(OmegaConf.to_container(OmegaConf.structured(job), enum_to_str=True)))  # type: ignore[arg-type]


def load_past_job(file: Location, s3: S3Config | None = None) -> JobConfig:
    """Return the job that a run has saved, to show what the run wrote. Raises ConfigError with one line a problem.

    Its engine may have been uninstalled since: such a job can be shown, and not be run.
    """
    merge = _Merge(OmegaConf.structured(job_class()))
    merge.apply_tree(read_mapping(file, Files(s3)), str(file), folder=file.parent)
    return merge.finish(whole=True, past=True)


def apply_overrides(job: JobConfig, overrides: Sequence[str], origin: str = "overrides of the item") -> JobConfig:
    """Return the job as it is for one item. Raises ConfigError, also for a key that cannot differ by item."""
    if not overrides:
        return job
    merge = _Merge(OmegaConf.structured(job))
    for text in overrides:
        key = text.partition("=")[0].strip()
        section = key.partition(".")[0]
        if "${" in text:  # ${oc.env:NAME} would tell a manifest's author what this machine's environment holds
            merge.problems.append(f"'{text}' is a reference, which is not allowed in {origin}")
        elif section in _names(job_class()) and section not in ITEM_SECTIONS:
            merge.problems.append(f"{section} cannot be set per item ({origin}); only {', '.join(ITEM_SECTIONS)} can")
        elif key in _OF_THE_JOB:
            merge.problems.append(f"{key} cannot be set per item ({origin}); set it for the whole job")
        else:
            merge.apply_dot_list([text], origin)
    return merge.finish()


def dump_job(job: JobConfig, *, for_the_record: bool = False) -> str:
    """Return the resolved job as YAML that `load_job` reads back from anywhere: its paths are absolute.

    `for_the_record`: what came from environment variables is referred to, not written down. Presets are not named: what
    they set is in it.
    """
    tree = OmegaConf.structured(absolute_paths(without_other_plugins(replace(job, preset=[]))))
    return OmegaConf.to_yaml(without_values(tree) if for_the_record else tree)


class _Merge:
    """The job so far, where each value came from, and what was wrong on the way."""

    def __init__(self, config: DictConfig) -> None:
        self.config = config
        self.problems: list[str] = []
        self._settings: dict[str, _Setting] = {}

    def apply_tree(self, tree: Mapping[Any, Any], origin: str, folder: Location | None = None) -> None:
        engine = tree.get("engine")
        absent = engine if isinstance(engine, str) and find_spec(engine) is None else None
        for key, value in _leaves(tree):
            if (
                absent is None or key.partition(".")[0] != absent
            ):  # its settings cannot be known: the engine is reported
                self.apply(_Setting(key, value, origin, folder))

    def apply_dot_list(self, overrides: Sequence[str], origin: str) -> None:
        for text in overrides:
            key, equals, raw = text.partition("=")
            if equals and key.strip():
                self.apply(_Setting(key.strip(), _parse(raw, _type_of(key.strip())), origin))
            else:
                self.problems.append(f"'{text}' is not an override ({origin}); use KEY=VALUE, such as stitch.crf=20")

    def apply(self, setting: _Setting) -> None:
        kind = _type_of(setting.key)
        if kind is None:
            self.problems.append(_explain_key(setting))
            return
        value = [setting.value] if get_origin(kind) is list and isinstance(setting.value, str) else setting.value
        value = _switch(kind, value)
        if not is_dataclass(kind) and self._takes(setting.key, value):
            self._settings.pop(setting.key, None)
            self._settings[setting.key] = setting
        else:
            what = "has no value, but needs" if value is None else f"'{setting.value}' is not"
            self.problems.append(f"{setting.key}: {what} {_describe(kind)} ({setting.origin})")

    def _takes(self, key: str, value: Any) -> bool:
        try:
            OmegaConf.update(self.config, key, value, merge=False)
        except (OmegaConfBaseException, OverflowError, RecursionError, TypeError, ValueError):
            return False
        return True

    def finish(self, *, whole: bool = False, past: bool = False) -> JobConfig:
        """Return the job. Raises ConfigError with all problems at once.

        `whole`: the settings are those of a job, not of one item; `past`: the job is only shown, not run.
        """
        try:
            job = OmegaConf.to_object(self.config)
        except OmegaConfBaseException as exc:
            key = getattr(exc, "full_key", None) or "?"
            self.problems.append(f"{key}: {str(exc).splitlines()[0]} ({self._origin([key])})")
        else:
            assert isinstance(job, JobConfig)
            note_variables(self.config)
            found = [*find_problems(job), *(find_contradictions(job) if whole else ())]
            shown = [(keys, what) for keys, what in found if not (past and keys == ("engine",))]
            self.problems += [f"{keys[0]}: {what} ({self._origin(keys)})" for keys, what in shown]
        if self.problems:
            raise ConfigError("\n".join(self.problems))
        assert isinstance(job, JobConfig)
        placed = rebase_paths(job, {key: setting.folder for key, setting in self._settings.items()})
        return split_output(placed) if whole else placed

    def origins(self) -> dict[str, str]:
        """Return the source that set each key last."""
        return {key: setting.origin for key, setting in self._settings.items()}

    def unchecked(self) -> JobConfig:
        """Return the job without looking for problems; relative paths start where their setting says."""
        job = OmegaConf.to_object(self.config)
        assert isinstance(job, JobConfig)
        return rebase_paths(job, {key: setting.folder for key, setting in self._settings.items()})

    def _origin(self, keys: Sequence[str]) -> str:
        """Name the source that set one of `keys` last: it is the one to be changed."""
        set_last = [setting.origin for key, setting in self._settings.items() if key in keys]
        return set_last[-1] if set_last else "this job"


def _leaves(tree: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, value), going into the mappings that are sections; an empty section says nothing."""
    for name, value in tree.items():
        key = f"{prefix}{name}"
        section = is_dataclass(_type_of(key)) or _type_of(key) is None
        if isinstance(value, Mapping) and value and section:
            yield from _leaves(value, f"{key}.")
        elif not (is_dataclass(_type_of(key)) and not value):
            yield key, value


def _names(section: Any) -> list[str]:
    return [f.name for f in fields(section)]


def _type_of(key: str) -> Any:
    """Return the declared type of a dotted key: a dataclass for a section, None for a key that does not exist."""
    kind: Any = job_class()
    for name in key.split("."):
        kind = get_type_hints(kind).get(name) if is_dataclass(kind) else None
    return kind


def _all_keys(section: Any, prefix: str = "") -> Iterator[str]:
    for name, kind in get_type_hints(section).items():
        yield f"{prefix}{name}"
        if is_dataclass(kind):
            yield from _all_keys(kind, f"{prefix}{name}.")


def _explain_key(setting: _Setting) -> str:
    """Say which valid key is nearest: its own name counts most, then its section."""
    section, _, name = setting.key.rpartition(".")

    def likeness(key: str) -> tuple[float, float]:
        near_section, _, near_name = key.rpartition(".")
        return (
            difflib.SequenceMatcher(None, name, near_name).ratio(),
            difflib.SequenceMatcher(None, section, near_section).ratio(),
        )

    nearest = max(_all_keys(job_class()), key=lambda key: 3 * likeness(key)[0] + likeness(key)[1])
    holder = _type_of(section) if section else job_class()
    if likeness(nearest)[0] >= 0.6:
        hint = f"did you mean {nearest}?"
    elif is_dataclass(holder):
        hint = f"{section or 'a job'} has {', '.join(_names(holder))}"
    else:
        hint = f"a job has {', '.join(_names(job_class()))}"
    return f"{setting.key}: no such setting ({setting.origin}); {hint}"


def _parse(raw: str, kind: Any) -> Any:
    """Read a dot-list value as YAML does; text stays as typed, so that `name=007` keeps its zeros."""
    try:
        value = read_word(raw)
    except NOT_YAML:
        return raw
    if int in get_args(kind) and str in get_args(kind) and type(value) is int:
        return value
    is_text = kind is str or (str in get_args(kind) and value is not None)
    return raw if is_text and get_origin(kind) is not list and not isinstance(value, str) else value


def _switch(kind: Any, value: Any) -> Any:
    """Return `on` or `off` for what YAML read as a truth value, where one of a few words is wanted."""
    if isinstance(value, bool) and isinstance(kind, type) and issubclass(kind, Enum):
        word = "on" if value else "off"
        return word if word in [member.value for member in kind] else value
    return value


def _describe(kind: Any) -> str:
    if is_dataclass(kind):
        return f"a section; it holds {', '.join(_names(kind))}"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f"one of {', '.join(str(member.value) for member in kind)}"
    if get_origin(kind) is list:
        return "a list of whole numbers, as in [1,8]" if int in get_args(kind) else "a list of text"
    if {int, str} <= set(get_args(kind)):
        return "a whole number or a word"
    return {int: "a whole number", float: "a number", bool: "true or false"}.get(kind, "text")
