"""What each thread of a process has cost so far: its CPU, how often it was switched away from, how long it waited for a core.

A voluntary switch is a thread that went to wait: for a socket, for its mailbox, for the interpreter's lock. An involuntary one lost its
core to another thread while it still had work.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple


class Use(NamedTuple):
    """Totals since a thread's start."""

    cpu_s: float = 0.0
    ready_s: float = 0.0  # it had work and the interpreter's lock or did not need it, and all cores were taken
    voluntary: int = 0
    involuntary: int = 0

    def plus(self, other: "Use") -> "Use":
        """Both together."""
        return Use(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def since(self, before: "Use") -> "Use":
        """What has come on top."""
        return Use(*(mine - theirs for mine, theirs in zip(self, before, strict=True)))


def total(uses: Iterable[Use]) -> Use:
    """All together."""
    added = Use()
    for use in uses:
        added = added.plus(use)
    return added


def by_thread(pid: int, names: Mapping[int, str] | None = None) -> dict[str, Use]:
    """By name, those alike but for a number added up; `names` by native id, else the kernel's. Threads that have ended are gone."""
    added: dict[str, Use] = {}
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            name, use = (names or {}).get(int(thread.name)) or (thread / "comm").read_text().strip(), _use(thread)
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            continue
        kind = name.rstrip("0123456789-")
        added[kind] = added.get(kind, Use()).plus(use)
    return added


def _use(thread: Path) -> Use:
    cpu_ns, ready_ns, _slices = map(
        int, (thread / "schedstat").read_text().split()
    )  # to the nanosecond, where `stat` counts ticks of 10 ms
    status = dict(line.split(":", 1) for line in (thread / "status").read_text().splitlines())
    return Use(cpu_ns / 1e9, ready_ns / 1e9, int(status["voluntary_ctxt_switches"]), int(status["nonvoluntary_ctxt_switches"]))
