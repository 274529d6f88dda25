"""Distributions that lie in a folder, as an installer leaves them: the example of the documentation, and broken ones."""

import re
import tomllib
from pathlib import Path

HOW_TO = Path(__file__).parents[2] / "docs/how-to"


def install_example(folder: Path, page: str = "add-an-engine.md") -> None:
    """Install the example of a page."""
    files = dict(re.findall(r'```\w+ title="(\S+)"\n(.*?)```', (HOW_TO / page).read_text(), re.S))
    project = tomllib.loads(files.pop("pyproject.toml"))["project"]
    ((group, points),) = project["entry-points"].items()
    modules = {name.removesuffix(".py"): text for name, text in files.items()}
    install(folder, project["name"], points, version=project["version"], group=group, **modules)


def install(
    folder: Path,
    name: str,
    points: dict[str, str],
    *,
    version: str = "1.0",
    group: str = "reelmend.engines",
    **modules: str,
) -> None:
    """Install modules and entry points of a group, by name."""
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text)
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [f"{point} = {place}\n" for point, place in points.items()]
    (info / "entry_points.txt").write_text(f"[{group}]\n" + "".join(lines))
