"""Growing delays between restarts: the one extension to OTP's supervisor."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """The n-th restart within the intensity's period waits `delay_s * factor ** (n - 1)` seconds, at most `cap_s`.

    Up to the share `jitter` (0 to 1) of that is taken off by chance, so that children that failed together don't return together.
    """

    delay_s: float = 0.1
    factor: float = 2.0
    cap_s: float = 30.0
    jitter: float = 0.0

    def __post_init__(self) -> None:
        for field, value, least in (("delay_s", self.delay_s, 0.0), ("factor", self.factor, 1.0), ("cap_s", self.cap_s, 0.0)):
            if not value >= least:
                raise ValueError(f"backoff.{field} must be {least} or more, not {value!r}")
        if not 0.0 <= self.jitter <= 1.0:
            raise ValueError(f"backoff.jitter must be between 0 and 1, not {self.jitter!r}")

    def delay(self, attempt: int, chance: float) -> float:
        """How many seconds to wait before the restart number `attempt` (from 1); `chance` is between 0 and 1."""
        try:
            full = min(self.cap_s, self.delay_s * self.factor ** (attempt - 1))
        except OverflowError:
            full = self.cap_s
        return full * (1.0 - self.jitter * chance)

    def outlasts(self, intensity: int, period_s: float) -> bool:
        """Whether a child that fails at once after each restart could go on for ever, as its restarts never fill a period."""
        return sum(self.delay(attempt, 0.0) for attempt in range(1, intensity + 1)) >= period_s
