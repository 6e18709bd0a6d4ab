"""How the broker is reached for, again and again: how long to wait in between, and what people are told of it."""

import logging
import random
import time

from cameron.broker_link import BrokerLink
from cameron.config import RabbitmqConfig
from cameron.otp import Backoff
from cameron.rabbitmq.broker import BrokerAway, place
from cameron.rabbitmq.reminder import Reminder

log = logging.getLogger("cameron.rabbitmq")

RECONNECT = Backoff(delay_s=0.5, factor=1.5, cap_s=15.0, jitter=0.5)
STEADY_S = 10.0  # a connection that has held so long was a good one


class Attempts:
    """Those of one actor, in its thread."""

    def __init__(self, config: RabbitmqConfig, link: BrokerLink) -> None:
        self._queue, self._place, self._link = config.queue, place(config.url), link
        self._failures, self._since_s = 0, float("inf")
        self._trouble = Reminder()

    def begin(self) -> None:
        """There is no connection yet."""
        self._link.retrying(self._place, _now_ms())

    def succeeded(self) -> None:
        """There is one."""
        self._trouble.over()
        self._since_s = time.monotonic()
        self._link.consuming(self._place, _now_ms())
        log.info("jobs are started by the messages of the queue %r at %s", self._queue, self._place)

    def failed(self, error: BrokerAway) -> float:
        """It did not come about, or was lost; in how many seconds to try again."""
        now_s = time.monotonic()
        self._failures = 1 if now_s - self._since_s > STEADY_S else self._failures + 1
        self._since_s = float("inf")
        if self._trouble.is_due(str(error), now_s):
            log.warning("no jobs are started by message: %s; trying again until it works", error)
        self._link.retrying(self._place, _now_ms(), str(error))
        return RECONNECT.delay(self._failures, random.random())


def _now_ms() -> int:
    return int(time.time() * 1000)
