"""The parts of the fuzz harness import each other by name, in the suite, in the campaign and in the victim."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
