"""An actor's mailbox: two lanes, who is to be told of its end, and whether it is still open.

It is Pykka's inbox. `put` and `signal` may be called by any thread, `take` and `rest` only by the one that runs the actor.
A closed mailbox takes nothing: tells are dropped, asks fail at once. It holds its actor until then, so an idle actor is no garbage.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from pykka._envelope import Envelope

from cameron.otp.reasons import NoProc, Reason
from cameron.otp.reply import Reply
from cameron.otp.signals import Signal

if TYPE_CHECKING:
    from cameron.otp.actor import Actor
    from cameron.otp.timers import Timer

Told = Callable[[Reason], None]
"""Called once with the reason when an actor has ended, in the thread it ended in; must neither block nor raise."""


class Letter(Envelope[Any]):
    """Pykka's envelope, and when it was sent (monotonic seconds)."""

    __slots__ = ("sent_at",)

    reply_to: Reply | None

    def __init__(self, message: Any, reply_to: Reply | None = None) -> None:
        self.message = message
        self.reply_to = reply_to
        self.sent_at = monotonic()


class Remains(NamedTuple):
    """What a mailbox held when it was closed."""

    letters: Iterable[Letter]
    watchers: dict[object, Told]


class Mailbox:
    """A deque of letters, a deque of signals, a lock and a flag. An idle one has no deques: an empty deque is 760 bytes."""

    __slots__ = ("_idle", "_letters", "_lock", "_signals", "_watchers", "actor", "crash_is_reported", "reason", "timer")

    def __init__(self) -> None:
        self.actor: Actor | None = None
        self.reason: Reason | None = None
        self.crash_is_reported = False
        self.timer: Timer | None = None  # one of the actor's, which knows the next; theirs who keep the timers
        self._lock = threading.Lock()
        self._letters: deque[Letter] | None = None
        self._signals: deque[Signal] | None = None
        self._watchers: dict[object, Told] | None = None
        self._idle = False  # a new actor is busy with its on_start

    def put(self, envelope: Envelope[Any], /) -> None:
        """Take a message in; fail its ask where the mailbox is closed. Never blocks, never raises."""
        letter = envelope if type(envelope) is Letter else Letter(envelope.message, envelope.reply_to)  # type: ignore[arg-type]
        with self._lock:
            actor = self.actor
            if actor is not None:
                if self._letters is None:
                    self._letters = deque()
                self._letters.append(letter)
                if not self._idle:
                    return
                self._idle = False
        if actor is not None:
            actor._otp_ready()
        elif letter.reply_to is not None:
            letter.reply_to.fail(NoProc)

    def signal(self, signal: Signal) -> None:
        """Take a signal in by the system lane; drop it where the mailbox is closed. Never blocks, never raises."""
        with self._lock:
            actor = self.actor
            if actor is None:
                return
            if self._signals is None:
                self._signals = deque()
            self._signals.append(signal)
            if not self._idle:
                return
            self._idle = False
        actor._otp_ready()

    def take(self) -> Letter | Signal | None:
        """Take the next signal, or else the next letter, or else nothing."""
        signals = self._signals  # a kill may swap the lanes under our hands, so each is looked up once
        if signals:
            return signals.popleft()
        letters = self._letters
        return letters.popleft() if letters else None

    def rest(self) -> bool:
        """Become idle if both lanes are empty: from then on the next message calls the actor's `_otp_ready`."""
        with self._lock:
            if self._letters or self._signals:
                return False
            self._letters = self._signals = None
            self._idle = True
            return True

    def rouse(self) -> None:
        """Be idle no longer, for whatever reason."""
        with self._lock:
            self._idle = False

    def get(self) -> Envelope[Any]:
        """Pykka's: the next message; nothing here waits for one."""
        item = self.take()
        return item if isinstance(item, Letter) else Letter(item)

    def empty(self) -> bool:
        """Whether there is neither a message nor a signal."""
        return not self._letters and not self._signals

    def __len__(self) -> int:
        return len(self._letters or ()) + len(self._signals or ())

    def oldest_sent_at(self) -> float | None:
        """When the message that has waited longest was sent, in monotonic seconds."""
        letters = self._letters
        try:
            return letters[0].sent_at if letters else None
        except IndexError:  # it has just been taken
            return None

    def close(self, reason: Reason) -> Remains | None:
        """Close for good and give out what was left; None where somebody had closed it before."""
        with self._lock:
            if self.reason is not None:
                return None
            self.reason = reason
            self.actor = None
            remains = Remains(self._letters or (), self._watchers or {})
            self._letters = self._signals = self._watchers = None
            return remains

    def abandon(self) -> None:
        """Kill the actor, if it has not ended. Any thread, also that of an actor that was killed itself."""
        actor = self.actor
        if actor is not None:
            actor._otp_abandon()

    def watch(self, key: object, told: Told) -> Reason | None:
        """Have `told` called at the end of the actor; where it has ended, return its reason instead and call nothing."""
        with self._lock:
            if self.reason is None:
                if self._watchers is None:
                    self._watchers = {}
                self._watchers[key] = told
            return self.reason

    def unwatch(self, key: object) -> bool:
        """Take a watch back; whether it was there."""
        with self._lock:
            return self._watchers is not None and self._watchers.pop(key, None) is not None

    def is_watched_by(self, key: object) -> bool:
        """Whether a watch under this key is there."""
        with self._lock:
            return self._watchers is not None and key in self._watchers
