"""When all jobs of a node have ended."""

import time
from typing import Any

from programs import Program

from cameron.store import keys

POLL_S = 0.005  # how often Redis is asked
STUCK_S = 60.0  # without one job ending


def await_end(store: Any, node: Program) -> None:
    """Wait until the queue is empty, as a job's entry leaves it with its last write. Raises where none ends any more."""
    until_s, before = time.monotonic() + STUCK_S, 0
    while left := store.xlen(keys.queue("foo")):
        if left != before:
            until_s, before = time.monotonic() + STUCK_S, left
        if time.monotonic() > until_s:
            raise RuntimeError(f"{left} jobs do not end, none within {STUCK_S:g} s; see {node.log}")
        time.sleep(POLL_S)
