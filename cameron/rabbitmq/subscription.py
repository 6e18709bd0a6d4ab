"""One connection to the broker that messages come by, and acknowledgements go. The first use of it imports pika.

It is declared what has to be there: a durable fanout exchange, a durable queue bound to it, a durable queue for dead letters. Nothing is
published here: a broker that is short of memory or disk stops listening to who does, and goes on with who takes messages.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import pika
from pika.adapters.blocking_connection import BlockingConnection
from pika.exceptions import ChannelWrongStateError, ConsumerCancelled

from cameron.config import RabbitmqConfig
from cameron.rabbitmq.broker import BrokerAway, declare_queue, declaring, parameters_of, telling


class Delivery(NamedTuple):
    """A message as it came; the tag is good for the subscription that gave it alone."""

    tag: int
    body: bytes
    properties: pika.BasicProperties


class Subscription:
    """For one thread, but for `wake` and `is_over`. Every method raises BrokerAway, after which it is of no more use than to be closed."""

    def __init__(self, config: RabbitmqConfig) -> None:
        """Connect, declare and subscribe: messages come from the next `wait` on."""
        self.is_over = False  # what it gave will be given again, to others
        self._config = config
        self._deliveries: list[Delivery] = []
        self._consumers: list[str] = []
        self._is_cancelled = self._is_ending = False
        with telling(config.url):
            self._connection = BlockingConnection(parameters_of(config.url))
        try:
            with self._telling():
                self._open()
        except BrokerAway:
            self.close()
            raise

    def _open(self) -> None:
        channel: Any = self._connection.channel()
        self._channel = channel
        exchange, queue = self._config.exchange, self._config.queue
        with declaring("exchange", exchange, "rabbitmq.exchange"):
            channel.exchange_declare(exchange, "fanout", durable=True)
        declare_queue(channel, queue, "rabbitmq.queue")
        channel.queue_bind(queue, exchange)
        declare_queue(channel, self._config.dead_letter_queue, "rabbitmq.dead_letter_queue")
        channel.basic_qos(prefetch_count=self._config.prefetch)  # for each consumer
        channel.add_on_cancel_callback(self._cancelled)
        self.hold(1)

    def hold(self, times: int) -> None:
        """Be given up to `times` times `prefetch` messages at once, those that are held already among them.

        A consumer more or less does that on queues of every kind; a new number for those there are, or one for the channel, does not.
        """
        with self._telling():
            while len(self._consumers) < times and not self._is_ending:
                self._consumers.append(self._channel.basic_consume(self._config.queue, self._delivered))
            while len(self._consumers) > times:
                self._channel.basic_cancel(self._consumers.pop())

    @property
    def times(self) -> int:
        """The last such number."""
        return len(self._consumers)

    def wait(self, timeout_s: float | None) -> list[Delivery]:
        """Work off what the connection has to do until messages come, `wake` is called or the time is over; the messages that came."""
        with self._telling():
            self._connection.process_data_events(timeout_s)  # type: ignore[arg-type]  # its stub says int
            if not self._channel.is_open:
                raise self._channel._closing_reason or ChannelWrongStateError  # pika tells it nowhere else
            if self._is_cancelled:
                raise ConsumerCancelled
        deliveries, self._deliveries = self._deliveries, []
        return deliveries

    def wake(self) -> None:
        """End the `wait` that is going on or about to begin; any thread."""
        with suppress(Exception):  # it is closed, or is being closed: nobody waits
            self._connection.add_callback_threadsafe(_nothing)

    def acknowledge(self, delivery: Delivery) -> None:
        """The broker may forget the message."""
        with self._telling():
            self._channel.basic_ack(delivery.tag)

    def cancel(self) -> None:
        """Have no more messages given, whatever is asked for later; those that were can still be acknowledged."""
        self._is_ending = True
        self.hold(0)

    def close(self) -> None:
        """The broker gives to others what was not acknowledged; never raises."""
        self.is_over = True
        with suppress(Exception):  # whatever is left of it
            self._connection.close()

    def _delivered(self, _channel: Any, method: Any, properties: pika.BasicProperties, body: bytes) -> None:
        self._deliveries.append(Delivery(method.delivery_tag, body, properties))

    def _cancelled(self, _method: Any) -> None:
        self._is_cancelled = True

    @contextmanager
    def _telling(self) -> Iterator[None]:
        with telling(self._config.url):
            try:
                yield
            except ConsumerCancelled:
                raise BrokerAway(f"the queue {self._config.queue!r} was deleted, or its node of the broker has gone") from None


def _nothing() -> None:
    """A callback is what wakes pika's loop."""
