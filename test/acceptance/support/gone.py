"""Processes that are to end, whoever's children they are."""

import os
import select
from collections.abc import Collection

PATIENCE_S = 30.0


def await_gone(pids: Collection[int | str]) -> None:
    """Wait until each of these, one at least, has ended."""
    assert pids
    for pid in pids:
        try:
            end_fd = os.pidfd_open(int(pid))
        except ProcessLookupError:
            continue
        try:
            assert select.select([end_fd], [], [], PATIENCE_S)[0], f"process {pid} is still there"
        finally:
            os.close(end_fd)
