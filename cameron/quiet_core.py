"""Keeps a node's threads together on one core: the one that others use least, looked at again every second.

The threads share one interpreter, so only one of them runs at a time, and waking one on another core costs more than most of what it then
does. Which core that is may change at any time, by a neighbour's work, or another node's choice of the same.
"""

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from random import choice, random
from typing import Any, NamedTuple

from cameron.otp import Actor, affinity

LOOK_S = 1.0
WORTH_MOVING = 0.3  # of a core's time: what others must leave more of elsewhere
_BUSY = (0, 1, 2, 5, 6, 7)  # the columns of /proc/stat that are neither idle nor waiting: user, nice, system, irq, softirq, steal
_TICKS_S = os.sysconf("SC_CLK_TCK")


def first(usable: Sequence[int]) -> int:
    """The core to begin with: any, as a moment's work tells little."""
    return choice(usable)


def is_wanted() -> bool:
    """Whether this program is kept to one core, and may be to others."""
    kept_to = os.sched_getaffinity(os.getpid())
    return len(kept_to) == 1 and kept_to != affinity.AT_FIRST


class Reading(NamedTuple):
    """How long each core, and this program, has been at work so far."""

    at_s: float  # monotonic
    cores: Mapping[int, float]  # seconds
    own_s: float


def busy_s(stat: str) -> dict[int, float]:
    """How long each core has been at work, as /proc/stat says."""
    rows = (line.split() for line in stat.splitlines() if line.startswith("cpu") and line[3].isdigit())
    return {int(row[0][3:]): sum(int(row[1 + column]) for column in _BUSY) / _TICKS_S for row in rows}


def others(kept_to: int, before: Reading, now: Reading) -> dict[int, float]:
    """What others used of each core between two readings, as a share of its time; this program's own work is on the core it is kept to."""
    passed_s = max(now.at_s - before.at_s, 0.001)
    own = {kept_to: now.own_s - before.own_s}
    return {core: max(0.0, (used_s - before.cores.get(core, used_s) - own.get(core, 0.0)) / passed_s) for core, used_s in now.cores.items()}


def quieter(kept_to: int, shares: Mapping[int, float]) -> int:
    """The core to keep to from now on: another one only where that is worth it."""
    best = min(shares, key=lambda core: shares[core], default=kept_to)
    return best if shares.get(kept_to, 0.0) - shares.get(best, 0.0) >= WORTH_MOVING else kept_to


class _Look(NamedTuple):
    """A message to oneself."""


class QuietCore(Actor):
    """Moves the threads that are kept to one core; those that may use all stay as they are. Name: `quiet_core`."""

    def on_start(self) -> None:
        """The core is the one that the program's first thread is kept to."""
        (self._core,) = os.sched_getaffinity(os.getpid())
        self._before = self._read()
        self.send_interval(LOOK_S, _Look())

    def on_receive(self, message: Any) -> None:
        """Look, and move one time in two: where two nodes see that they share a core, one should stay."""
        with suppress(OSError):  # no file can be opened for now, say: that must not cost the node its life
            self._look()

    def _look(self) -> None:
        now = self._read()
        better = quieter(self._core, others(self._core, self._before, now))
        self._before = now
        if better != self._core and random() < 0.5:
            affinity.move_threads(self._core, better)
            self._core = better

    def _read(self) -> Reading:
        used_s = busy_s(Path("/proc/stat").read_text(encoding="ascii"))
        return Reading(time.monotonic(), {core: used_s[core] for core in used_s.keys() & affinity.AT_FIRST}, time.process_time())
