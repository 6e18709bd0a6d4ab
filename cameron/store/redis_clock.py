"""Sets the node's clock by Redis's, on a node that has no scheduler to do it at each renewal of its lease."""

import logging
from typing import Any, NamedTuple

from cameron.clock import Clock
from cameron.otp import ThreadActor
from cameron.store.redis import StoreAway, StoreError, reader

log = logging.getLogger("cameron.redis")

EVERY_S = 3.0


class _Measure(NamedTuple):
    """A message to oneself."""


class RedisClock(ThreadActor):
    """Has its own thread. Name: `redis_clock`."""

    def __init__(self, url: str, timeout_s: float, clock: Clock) -> None:
        super().__init__()
        self._redis: Any = reader(url, timeout_s)
        self._clock = clock

    def on_start(self) -> None:
        """The first measurement comes before whoever is started after this one."""
        self._measure()
        self.send_interval(EVERY_S, _Measure())

    def on_receive(self, message: Any) -> None:
        """Measure again."""
        if isinstance(message, _Measure):
            self._measure()

    def terminate(self, reason: object) -> None:
        """Leave no connection behind."""
        self._redis.close()

    def _measure(self) -> None:
        try:
            seconds, microseconds = self._redis.time()
        except (*StoreAway, StoreError) as error:
            log.debug("redis does not tell the time (%s)", error)
            return
        self._clock.set(seconds * 1000 + microseconds / 1000)
