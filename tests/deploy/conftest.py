"""The checks of the overlays are a program of their own, not a package."""

import sys

from manifests import ROOT

sys.path.insert(0, str(ROOT / "deploy"))
