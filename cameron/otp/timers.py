"""Messages sent later: one heap and one thread for all timers of the program, on the monotonic clock.

A timer belongs to the actor it sends to and goes with it. A cancelled one stays in the heap until it is due or until more than half
of the heap is cancelled, whichever comes first; so a hundred thousand long deadlines that are set and cancelled never pile up.
"""

from __future__ import annotations

import heapq
import threading
from time import monotonic
from typing import Any

from cameron.otp.current import refuse_fenced
from cameron.otp.mailbox import Letter, Mailbox
from cameron.otp.ref import Ref

_COMPACT_FROM = 64  # smaller heaps are not worth the work
_LONGEST_WAIT_S = 86_400.0  # a wait may end early at no harm, and threading refuses endless ones


class Timer:
    """A message that is to be sent at a time, once or every `period_s`. The timers of an actor are a chain that hangs on its mailbox."""

    __slots__ = ("_mailbox", "_message", "_next", "_period_s", "_previous", "_timers")

    def __init__(self, timers: Timers, message: Any, period_s: float | None) -> None:
        self._timers = timers
        self._message = message
        self._period_s = period_s
        self._mailbox: Mailbox | None = None  # as long as it is pending
        self._previous: Timer | None = None
        self._next: Timer | None = None

    def cancel(self) -> bool:
        """Take the timer back; False where its (last) message has been sent. Any thread."""
        return self._timers._cancel(self)

    def _hang_on(self, mailbox: Mailbox) -> None:
        self._mailbox, self._next = mailbox, mailbox.timer
        if self._next is not None:
            self._next._previous = self
        mailbox.timer = self

    def _take_off(self, mailbox: Mailbox) -> None:
        if self._previous is not None:
            self._previous._next = self._next
        else:
            mailbox.timer = self._next
        if self._next is not None:
            self._next._previous = self._previous
        self._mailbox = self._previous = self._next = None
        self._message = None  # it may be large, and the heap may keep the timer for a while


class _Due(float):
    """When a timer is due, in monotonic seconds: a heap of these costs what a heap of numbers does. The clock orders equal delays."""

    __slots__ = ("timer",)

    timer: Timer


class Timers:
    """The heap and its thread, which starts with the first timer."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._heap: list[_Due] = []
        self._cancelled = 0
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        return len(self._heap)

    def start(self, mailbox: Mailbox, delay_s: float, message: Any, period_s: float | None = None) -> Timer:
        """Have `message` sent after `delay_s` seconds, and every `period_s` from then on if that is given. Any thread."""
        refuse_fenced()
        if delay_s < 0 or (period_s is not None and period_s <= 0):
            raise ValueError(f"a timer needs a delay of 0 s or more and a period above 0 s, not {delay_s} and {period_s}")
        timer = Timer(self, message, period_s)
        with self._changed:
            self._push(timer, monotonic() + delay_s)
            timer._hang_on(mailbox)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="otp-timers", daemon=True)
                self._thread.start()
            elif self._heap[0].timer is timer:
                self._changed.notify()
        if mailbox.reason is not None:  # it ended before its timers could be cancelled, or while we set this one
            self.cancel_all(mailbox)
        return timer

    def cancel_all(self, mailbox: Mailbox) -> None:
        """Cancel the timers of an actor that has ended."""
        with self._changed:
            while mailbox.timer is not None:
                mailbox.timer._take_off(mailbox)
                self._cancelled += 1
            self._compact()

    def _cancel(self, timer: Timer) -> bool:
        with self._changed:
            if timer._mailbox is None:
                return False
            timer._take_off(timer._mailbox)
            self._cancelled += 1
            self._compact()
            return True

    def _push(self, timer: Timer, due_s: float) -> None:
        due = _Due(due_s)
        due.timer = timer
        heapq.heappush(self._heap, due)

    def _compact(self) -> None:
        if len(self._heap) >= _COMPACT_FROM and self._cancelled * 2 > len(self._heap):
            self._heap = [due for due in self._heap if due.timer._mailbox is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0

    def _run(self) -> None:
        while True:
            with self._changed:
                due = self._take_due(monotonic())
                if not due:
                    self._changed.wait(self._seconds_to_next(monotonic()))
                    continue
            for mailbox, message in due:
                mailbox.put(Letter(message))

    def _seconds_to_next(self, now: float) -> float:
        return min(max(self._heap[0] - now, 0.0), _LONGEST_WAIT_S) if self._heap else _LONGEST_WAIT_S

    def _take_due(self, now: float) -> list[tuple[Mailbox, Any]]:
        to_send = []
        while self._heap and self._heap[0] <= now:
            due = heapq.heappop(self._heap)
            timer, mailbox = due.timer, due.timer._mailbox
            if mailbox is None:
                self._cancelled -= 1
                continue
            to_send.append((mailbox, timer._message))
            if timer._period_s is None:
                timer._take_off(mailbox)
            else:  # no drift; periods that were missed altogether are left out
                self._push(timer, max(due + timer._period_s, now))
        return to_send


timers = Timers()
"""The program's timers."""


def send_after(delay_s: float, ref: Ref[Any], message: Any) -> Timer:
    """Send `message` to `ref` after `delay_s` seconds, if it lives then."""
    return timers.start(ref.actor_inbox, delay_s, message)


def send_interval(period_s: float, ref: Ref[Any], message: Any) -> Timer:
    """Send `message` to `ref` every `period_s` seconds, first after one period, as long as it lives."""
    return timers.start(ref.actor_inbox, period_s, message, period_s)
