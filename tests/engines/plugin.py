"""Distributions that lie in a folder, as an installer leaves them: the example of the documentation, and broken ones."""

import re
import tomllib
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/how-to/add-an-engine.md"


def install_example(folder: Path) -> None:
    """Install the example of the page."""
    files = dict(re.findall(r'```\w+ title="(\S+)"\n(.*?)```', PAGE.read_text(), re.S))
    project = tomllib.loads(files["pyproject.toml"])["project"]
    points = project["entry-points"]["reelmend.engines"]
    install(folder, project["name"], points, version=project["version"], mean_colour=files["mean_colour.py"])


def install(folder: Path, name: str, points: dict[str, str], *, version: str = "1.0", **modules: str) -> None:
    """Install modules and entry points of the group, by name."""
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text)
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [f"{point} = {place}\n" for point, place in points.items()]
    (info / "entry_points.txt").write_text("[reelmend.engines]\n" + "".join(lines))
