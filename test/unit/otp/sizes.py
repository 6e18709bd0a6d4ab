"""How large the large tests are: small in `make test`, at full size in `make soak` (CAMERON_SOAK=1)."""

from __future__ import annotations

import os

SOAK = os.environ.get("CAMERON_SOAK") == "1"

ASKS = 100_000 if SOAK else 10_000
IDLE_ACTORS = 100_000 if SOAK else 10_000
CHILDREN = 100_000 if SOAK else 10_000
