"""How many restarts in how much time are too many."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Restarts:
    """The restarts of the last `period_s` seconds, each `(monotonic seconds, the child it was for)`, oldest first."""

    intensity: int = 1
    period_s: float = 5.0
    entries: tuple[tuple[float, Hashable], ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.intensity, bool) or not isinstance(self.intensity, int) or self.intensity < 0:
            raise ValueError(f"intensity must be a whole number, 0 or more, not {self.intensity!r}")
        if not self.period_s > 0:
            raise ValueError(f"period_s must be a number of seconds above 0, not {self.period_s!r}")

    def add(self, child_id: Hashable, now: float) -> Restarts:
        """Forget what is older than a period and add this restart."""
        kept = tuple(entry for entry in self.entries if entry[0] >= now - self.period_s)
        return Restarts(self.intensity, self.period_s, (*kept, (now, child_id)))

    @property
    def are_too_many(self) -> bool:
        """Whether it is time to give up: there are more than `intensity`."""
        return len(self.entries) > self.intensity

    def of(self, child_id: Hashable) -> int:
        """How many of them were for this child."""
        return sum(1 for _, whose in self.entries if whose == child_id)
