"""The packages that the image needs before the source is there: those that pyproject.toml names, one per line.

With them the extras that mask sources need (`text`, `sam`): workers make masks.
"""

import tomllib
from pathlib import Path

EXTRAS = ("text", "sam")

if __name__ == "__main__":
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    extras = [package for name in EXTRAS for package in project["optional-dependencies"][name]]
    print("\n".join([*project["dependencies"], *extras]))
