"""Which packages does the image need before the source is there? Those that pyproject.toml names, one a line."""

import tomllib
from pathlib import Path

if __name__ == "__main__":
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    print("\n".join(project["dependencies"]))
