"""The actor that starts jobs by message.

A message is acknowledged once its job is in Redis, and not before: whatever ends in between (the connection, the broker, this node), the
broker gives it again, to any node. A message_id is the start's Idempotency-Key, so that the job is the same one then.

Its thread is the connection's: the one wait is for the broker and the mailbox, so that heartbeats go on while Redis is away. It waits for
nothing else: neither for the engine (the threads of starts.py do) nor for the broker to take a dead letter (that of letter_box.py does).
"""

import logging
import time
import uuid
from collections import deque
from typing import Any, NamedTuple

from cameron.broker_link import BrokerLink
from cameron.config import RabbitmqConfig
from cameron.core.moment import rfc3339
from cameron.errors import CameronError
from cameron.otp import Backoff, Exit, Reason, ThreadActor
from cameron.rabbitmq.attempts import Attempts
from cameron.rabbitmq.broker import BrokerAway
from cameron.rabbitmq.held import Held, Wait, Waiting
from cameron.rabbitmq.letter_box import LetterBox, Posted
from cameron.rabbitmq.message import StartRequest, Unreadable, read
from cameron.rabbitmq.reminder import Reminder
from cameron.rabbitmq.starts import Door, Started, Starts
from cameron.rabbitmq.subscription import Subscription
from cameron.rabbitmq.verdict import Dead, verdict

log = logging.getLogger("cameron.rabbitmq")

THREADS = 16
LAST_STARTS_S = 5.0  # that an end waits for starts under way, so that their messages are acknowledged and not given to another node
AGAIN = Backoff(delay_s=0.25, factor=2.0, cap_s=5.0)  # for messages that cannot be started now
LAST_LETTERS_S = 1.0  # the same for dead letters, which a broker may not take for hours
SLOW_LETTER_S = 30.0  # after which it is told that none is taken
SLOW_LETTERS = "the broker takes no dead letters, as while its memory or disk alarm is on"
WIDEST = 10  # times `prefetch` messages are held at most, where some of them can only wait


class _Connect(NamedTuple):
    pass


class _TryAgain(NamedTuple):
    held: Held


class _LookAtLetters(NamedTuple):
    pass


class RabbitmqStarter(ThreadActor):
    """Needs the engine, not the other way round: start it after, stop it before. Name: `rabbitmq_starter`.

    Give its child specification the shutdown time SHUTDOWN_S: it may be busy connecting, and then lets what is under way be started.
    """

    def __init__(self, door: Door, config: RabbitmqConfig, max_body_bytes: int, link: BrokerLink | None = None) -> None:
        super().__init__()
        self._door, self._config, self._max_body_bytes = door, config, max_body_bytes
        self._attempts = Attempts(config, link or BrokerLink())
        self._starts: Starts | None = None
        self._letters: LetterBox | None = None
        self._subscription: Subscription | None = None
        self._ready: deque[Held] = deque()
        self._under_way = 0
        self._waiting = Waiting()
        self._slow_letters, self._last_posted_s, self._is_watching = Reminder(), 0.0, False

    def on_start(self) -> None:
        """A broker that is away is no reason not to start."""
        self._attempts.begin()
        self._starts = Starts(self._door, THREADS, self._told)
        self._letters = LetterBox(self._config, self._told)
        self.actor_ref.tell(_Connect())

    def on_receive(self, message: Any) -> None:
        match message:
            case _Connect():
                self._connect()
            case Started(held, error):
                self._under_way -= 1
                self._settle(held, error)
            case Posted(held):
                self._posted(held)
            case _TryAgain(held):
                self._ready.append(held)
            case _LookAtLetters():
                self._is_watching = False
                self._watch_letters()
            case _:
                super().on_receive(message)

    def wait(self, timeout_s: float | None) -> None:
        """For messages of either kind: the mailbox's and the broker's."""
        if self._subscription is None:
            super().wait(timeout_s)
        else:
            super().wait(0)  # `wake` rings both bells
            self._take(self._subscription, timeout_s)
        if self.is_fenced:  # killed, so `terminate` is not called
            self._leave()

    def wake(self) -> None:
        """End the wait; any thread."""
        super().wake()
        if (subscription := self._subscription) is not None:
            subscription.wake()

    def on_drained(self) -> None:
        """Keep the threads busy."""
        self._give()

    def terminate(self, reason: Reason) -> None:
        """Take no more; acknowledge what is being started."""
        if self._subscription is not None:
            try:
                self._subscription.cancel()
            except BrokerAway as error:
                self._lost(error)
        self._ready.clear()
        self._let_end(time.monotonic())
        self._leave()

    def _let_end(self, since_s: float) -> None:
        while self._subscription is not None:
            patience_s = LAST_STARTS_S if self._under_way else LAST_LETTERS_S if self._waiting.letters else 0.0
            left_s = since_s + patience_s - time.monotonic()
            if left_s <= 0:
                break
            message = self.receive(left_s)
            if isinstance(message, Started | Posted):
                self.on_receive(message)

    # the connection

    def _connect(self) -> None:
        try:
            self._subscription = Subscription(self._config)
        except BrokerAway as error:
            self.send_after(self._attempts.failed(error), _Connect())
        else:
            self._attempts.succeeded()

    def _lost(self, error: BrokerAway) -> None:
        """What was not acknowledged will come again."""
        assert self._subscription is not None, "only what was there is lost"
        self._subscription.close()
        self._subscription = None
        self._ready.clear()
        self._waiting.clear()
        self.send_after(self._attempts.failed(error), _Connect())

    def _leave(self) -> None:
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None
        if self._starts is not None:
            self._starts.close()
            self._starts = None
        if self._letters is not None:
            self._letters.close()
            self._letters = None

    # messages

    def _take(self, subscription: Subscription, timeout_s: float | None) -> None:
        try:
            deliveries = subscription.wait(timeout_s)
        except BrokerAway as error:
            self._lost(error)
            return
        self._ready.extend(Held(subscription, delivery, uuid.uuid4().hex) for delivery in deliveries)
        self._give()

    def _give(self) -> None:
        """Let the threads start what waits for them, as many as there are: the rest is still to be had back if the connection is lost."""
        while self._ready and self._under_way < THREADS and self._starts is not None:
            held = self._ready.popleft()
            if held.source is not self._subscription:
                continue
            try:
                request = self._read(held)
            except Unreadable as error:
                self._put_aside(held, str(error))
            else:
                self._under_way += 1
                self._starts.put(held, request)
        self._make_room()

    def _make_room(self) -> None:
        """Have more messages given while there are many that can only wait, so that they do not hold up those behind them."""
        waiting, subscription = self._waiting.in_the_way, self._subscription
        times = min(WIDEST, 1 + 2 * waiting // self._config.prefetch)
        if subscription is None or times == subscription.times or (waiting and times < subscription.times):
            return
        try:
            subscription.hold(times)
        except BrokerAway as error:
            self._lost(error)

    def _read(self, held: Held) -> StartRequest:
        delivery = held.delivery
        return read(delivery.body, delivery.properties.message_id, held.fresh_id, self._max_body_bytes)

    def _settle(self, held: Held, error: Exception | None) -> None:
        if held.source is not self._subscription:  # the broker gives it again, and what was started is told by its message_id
            return
        held.tries += 1
        if error is None:
            self._acknowledge(held)
            return
        judged = verdict(error, held.tries, self._door.names)
        if isinstance(judged, Dead):
            if not isinstance(error, CameronError):
                log.error("unexpected error while a job was started by message", exc_info=error)
            self._put_aside(held, judged.reason)
            return
        if judged.wait is not None:
            if not self._waiting.put_off:
                log.warning("messages are put off until their jobs can be started: %s", error)
            self._waiting.put(held, judged.wait)
        self.send_after(AGAIN.delay(held.tries, 0.0), _TryAgain(held))

    def _acknowledge(self, held: Held) -> None:
        was_putting_off = self._waiting.put_off
        self._waiting.drop(held)
        try:
            held.source.acknowledge(held.delivery)
        except BrokerAway as error:
            self._lost(error)
            return
        if was_putting_off and not self._waiting.put_off:
            log.info("the messages that were put off have started their jobs")

    # dead letters

    def _put_aside(self, held: Held, reason: str) -> None:
        message_id, queue = held.delivery.properties.message_id, self._config.dead_letter_queue
        log.warning("a message (message_id %.100r) starts nothing, and goes to %r: %.1000s", message_id, queue, reason)
        if not self._waiting.letters:
            self._last_posted_s = time.monotonic()
        self._waiting.put(held, Wait.LETTER)
        if self._letters is not None:
            self._letters.put(held, reason, rfc3339(int(time.time() * 1000)))
        self._watch_letters()

    def _posted(self, held: Held) -> None:
        if held.source is self._subscription:  # else it comes again, and is put aside again: once too often rather than never
            self._last_posted_s = time.monotonic()
            self._slow_letters.over()
            self._acknowledge(held)

    def _watch_letters(self) -> None:
        """Tell now and then that none of those there are is taken."""
        now_s = time.monotonic()
        if self._is_watching or not self._waiting.letters:
            return
        if now_s - self._last_posted_s >= SLOW_LETTER_S and self._slow_letters.is_due(SLOW_LETTERS, now_s):
            log.warning("%s: messages that start nothing are held until it does", SLOW_LETTERS)
        self._is_watching = True
        self.send_after(SLOW_LETTER_S, _LookAtLetters())

    def _told(self, what: Started | Posted) -> None:
        """A starting thread's, or the letter box's."""
        try:
            self.actor_ref.tell(what)
        except Exit:  # it has ended meanwhile: the broker gives the message again
            return
