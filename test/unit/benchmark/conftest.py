"""The benchmark's modules are programs beside one another, and import one another so."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmark"))
