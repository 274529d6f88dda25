"""The packages that the image needs before the source is there: those that pyproject.toml names, one per line."""

import tomllib
from pathlib import Path

if __name__ == "__main__":
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    print("\n".join(project["dependencies"]))
