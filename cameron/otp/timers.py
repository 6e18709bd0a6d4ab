"""Messages sent later: one heap and one thread for all timers of the program, on the monotonic clock.

A timer belongs to the actor it sends to and goes with it. A cancelled one stays in the heap until it is due or until more than half
of the heap is cancelled, whichever comes first; so a hundred thousand long deadlines that are set and cancelled never pile up.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from time import monotonic
from typing import Any

from cameron.otp.current import refuse_fenced
from cameron.otp.mailbox import Letter, Mailbox
from cameron.otp.ref import Ref

_COMPACT_FROM = 64  # smaller heaps are not worth the work
_LONGEST_WAIT_S = 86_400.0  # a wait may end early at no harm, and threading refuses endless ones


class Timer:
    """A message that is to be sent at a time, once or every `period_s`."""

    __slots__ = ("_due", "_mailbox", "_message", "_pending", "_period_s", "_timers")

    def __init__(self, timers: Timers, mailbox: Mailbox, message: Any, due: float, period_s: float | None) -> None:
        self._timers = timers
        self._mailbox = mailbox
        self._message = message
        self._due = due
        self._period_s = period_s
        self._pending = True

    def cancel(self) -> bool:
        """Take the timer back; False where its (last) message has been sent. Any thread."""
        return self._timers._cancel(self)


class Timers:
    """The heap and its thread, which starts with the first timer."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._heap: list[tuple[float, int, Timer]] = []
        self._numbers = itertools.count()  # timers due at one time fire in the order they were set
        self._cancelled = 0
        self._of: dict[Mailbox, set[Timer]] = {}
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        return len(self._heap)

    def start(self, mailbox: Mailbox, delay_s: float, message: Any, period_s: float | None = None) -> Timer:
        """Have `message` sent after `delay_s` seconds, and every `period_s` from then on if that is given. Any thread."""
        refuse_fenced()
        if delay_s < 0 or (period_s is not None and period_s <= 0):
            raise ValueError(f"a timer needs a delay of 0 s or more and a period above 0 s, not {delay_s} and {period_s}")
        timer = Timer(self, mailbox, message, monotonic() + delay_s, period_s)
        with self._changed:
            self._of.setdefault(mailbox, set()).add(timer)
            self._push(timer)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="otp-timers", daemon=True)
                self._thread.start()
            elif self._heap[0][2] is timer:
                self._changed.notify()
        if mailbox.reason is not None:  # it ended before its timers could be cancelled, or while we set this one
            self.cancel_all(mailbox)
        return timer

    def cancel_all(self, mailbox: Mailbox) -> None:
        """Cancel the timers of an actor that has ended."""
        if mailbox not in self._of:
            return
        with self._changed:
            for timer in self._of.pop(mailbox, ()):
                self._drop(timer)
            self._compact()

    def _cancel(self, timer: Timer) -> bool:
        with self._changed:
            if not timer._pending:
                return False
            self._forget(timer)
            self._drop(timer)
            self._compact()
            return True

    def _drop(self, timer: Timer) -> None:
        timer._pending = False
        timer._message = None  # it may be large, and the heap may keep the timer for a while
        self._cancelled += 1

    def _forget(self, timer: Timer) -> None:
        timers = self._of.get(timer._mailbox)
        if timers is not None:
            timers.discard(timer)
            if not timers:
                del self._of[timer._mailbox]

    def _push(self, timer: Timer) -> None:
        heapq.heappush(self._heap, (timer._due, next(self._numbers), timer))

    def _compact(self) -> None:
        if len(self._heap) >= _COMPACT_FROM and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2]._pending]
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
        return min(max(self._heap[0][0] - now, 0.0), _LONGEST_WAIT_S) if self._heap else _LONGEST_WAIT_S

    def _take_due(self, now: float) -> list[tuple[Mailbox, Any]]:
        due = []
        while self._heap and self._heap[0][0] <= now:
            timer = heapq.heappop(self._heap)[2]
            if not timer._pending:
                self._cancelled -= 1
                continue
            due.append((timer._mailbox, timer._message))
            if timer._period_s is None:
                timer._pending = False
                self._forget(timer)
            else:  # no drift; periods that were missed altogether are left out
                timer._due = max(timer._due + timer._period_s, now)
                self._push(timer)
        return due


timers = Timers()
"""The program's timers."""


def send_after(delay_s: float, ref: Ref[Any], message: Any) -> Timer:
    """Send `message` to `ref` after `delay_s` seconds, if it lives then."""
    return timers.start(ref.actor_inbox, delay_s, message)


def send_interval(period_s: float, ref: Ref[Any], message: Any) -> Timer:
    """Send `message` to `ref` every `period_s` seconds, first after one period, as long as it lives."""
    return timers.start(ref.actor_inbox, period_s, message, period_s)
