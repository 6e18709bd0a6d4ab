"""Where messages that start nothing are put: the dead-letter queue, by a connection and a thread of their own.

A broker that is short of memory or disk stops listening to a connection that publishes, until there is room again: the answer may take
hours, and what else goes by that connection as long. So nobody waits for this thread. A letter that is under way is not given up either,
as long as the connection holds: the broker would take it later, and its second try besides.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from pika.adapters.blocking_connection import BlockingConnection
from pika.exceptions import UnroutableError

from cameron.config import RabbitmqConfig
from cameron.otp import Backoff
from cameron.rabbitmq.broker import BrokerAway, declare_queue, parameters_of, telling
from cameron.rabbitmq.dead_letter import dead_properties
from cameron.rabbitmq.held import Held
from cameron.rabbitmq.reminder import Reminder

log = logging.getLogger("cameron.rabbitmq")

AGAIN = Backoff(delay_s=0.25, factor=2.0, cap_s=5.0)
LINGER_S = 1.0  # that the connection is kept for the next letter: less than any heartbeat's end


class Posted(NamedTuple):
    """The broker has the letter: the original may be acknowledged."""

    held: Held


class _Letter(NamedTuple):
    held: Held
    reason: str
    time: str
    tries: int = 0


class LetterBox:
    """`tell` is called in the box's thread, and must not raise."""

    def __init__(self, config: RabbitmqConfig, tell: Callable[[Posted], None]) -> None:
        self._config, self._tell = config, tell
        self._waiting: SimpleQueue[_Letter | None] = SimpleQueue()
        self._is_closed = threading.Event()
        self._connection: BlockingConnection | None = None
        self._channel: Any = None
        self._trouble = Reminder()
        threading.Thread(target=self._work, name="rabbitmq-dead-letters", daemon=True).start()

    def put(self, held: Held, reason: str, time: str) -> None:
        """Have the broker keep it as a dead letter, with those in its headers, and tell when it does. Any thread."""
        self._waiting.put(_Letter(held, reason, time))

    def close(self) -> None:
        """Post no more, and let the thread end when it can. Any thread."""
        self._is_closed.set()
        self._waiting.put(None)

    def _work(self) -> None:
        while (letter := self._next()) is not None:
            self._post(letter)
        self._disconnect()

    def _next(self) -> _Letter | None:
        try:
            return self._waiting.get(timeout=LINGER_S if self._connection else None)
        except Empty:
            self._disconnect()
            return self._waiting.get()

    def _post(self, letter: _Letter) -> None:
        if letter.held.source.is_over or self._is_closed.is_set():  # it comes again, and would be there twice
            return
        try:
            with telling(self._config.url):
                self._publish(letter)
        except BrokerAway as error:
            self._disconnect()
            self._put_off(letter, error)
        else:
            self._trouble.over()
            self._tell(Posted(letter.held))

    def _put_off(self, letter: _Letter, error: BrokerAway) -> None:
        if self._trouble.is_due(str(error), time.monotonic()):
            log.warning("messages that start nothing cannot be put aside: %s; trying again until it works", error)
        tries = letter.tries + 1
        self._is_closed.wait(AGAIN.delay(tries, 0.0))
        self._waiting.put(letter._replace(tries=tries))  # behind the others, of which not each may fail

    def _publish(self, letter: _Letter) -> None:
        if self._connection is None:
            self._connect()
        original, queue = letter.held.delivery, self._config.dead_letter_queue
        properties = dead_properties(original.properties, letter.reason, letter.time)
        try:
            self._channel.basic_publish("", queue, original.body, properties, mandatory=True)
        except UnroutableError:
            raise BrokerAway(f"the queue {queue!r} is not there any more") from None

    def _connect(self) -> None:
        parameters = parameters_of(self._config.url)
        parameters.blocked_connection_timeout = None
        self._connection = BlockingConnection(parameters)
        self._channel = self._connection.channel()
        declare_queue(self._channel, self._config.dead_letter_queue, "rabbitmq.dead_letter_queue")
        self._channel.confirm_delivery()

    def _disconnect(self) -> None:
        if self._connection is not None:
            with suppress(Exception):  # whatever is left of it
                self._connection.close()
            self._connection = None
