"""An actor with a thread of its own, which may block; how it waits can be replaced."""

from __future__ import annotations

import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, ClassVar

from cameron.otp.actor import Actor
from cameron.otp.current import bury, current, entomb
from cameron.otp.errors import Ignore, StartFailed
from cameron.otp.mailbox import Letter
from cameron.otp.reasons import StartTimeout, crash_of
from cameron.otp.signals import Down, ExitRequest

MESSAGES_A_BATCH = 1_000  # after which `on_drained` and `wait` get their moment, however many more there are


class ThreadActor(Actor):
    """Runs all hooks but `__init__` in its own daemon thread.

    While its mailbox is empty it is in `wait`. An actor that has to wait for something else too (sockets, a child process) overrides
    `wait` and `wake` together; what `wait` raises is a crash of the actor, like in a handler.
    """

    is_pooled: ClassVar[bool] = False

    start_timeout_s: ClassVar[float | None] = 60.0
    """How long `start` waits for `on_start` before it abandons the actor with `StartTimeout`; None: for ever."""

    _otp_is_done = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._otp_bell: SimpleQueue[None] = SimpleQueue()

    def wait(self, timeout_s: float | None) -> None:
        """Block until `wake` is called, or for `timeout_s` seconds (None: no bound, 0: don't block). May return early. Own thread.

        The loop passes None, or 0 where it only lets `wait` have a look as more messages are there; `receive` passes its time left.
        """
        with suppress(Empty):
            self._otp_bell.get(timeout=timeout_s, block=timeout_s != 0)

    def wake(self) -> None:
        """End the `wait` that is going on or about to begin. Any thread, also inside a `wait` that has just timed out."""
        self._otp_bell.put(None)

    def receive(self, timeout_s: float | None) -> Any:
        """Take the next message from within `terminate` (or another hook), so that an orderly end can still do its work.

        Waits `timeout_s` seconds (None: no bound) for one, and returns None when there was none. `Down`s are returned as messages,
        requests to end are passed over. An ask can be answered through `reply_later()`; else it fails when the actor ends.
        """
        deadline = None if timeout_s is None else monotonic() + timeout_s
        while not self.is_fenced:
            item = self.actor_inbox.take()
            if item is not None:
                if self._otp_is_message(item):
                    return self._otp_opened(item)
                continue
            left = None if deadline is None else deadline - monotonic()
            if left is not None and left <= 0:
                return None
            self._otp_pause(left)
        return None

    def _otp_is_message(self, item: Any) -> bool:
        if isinstance(item, Down):
            return self._otp_is_awaited(item)
        return not isinstance(item, ExitRequest)

    def _otp_opened(self, item: Any) -> Any:
        if type(item) is not Letter:
            return item
        if self._otp_letter is not None:  # the ask before this one was not answered: it stays owed until the end
            self.reply_later()
        self._otp_letter = item if item.reply_to is not None else None
        return item.message

    # The loop

    def _start_actor_loop(self) -> None:
        started: SimpleQueue[BaseException | None] = SimpleQueue()
        thread = threading.Thread(target=self._otp_loop_from, args=(started,), name=f"otp-{self._otp_ref}", daemon=True)
        try:
            thread.start()
            failure = started.get(timeout=self.start_timeout_s)
        except Empty:
            self._otp_abandon()
            raise StartFailed(StartTimeout) from None
        except BaseException as error:  # no thread to be had, or the starter was interrupted
            self._otp_is_done = not thread.is_alive()
            self._otp_abandon()
            if isinstance(error, Exception):
                raise StartFailed(crash_of(error)) from None
            raise
        if failure is not None:
            raise failure

    def _otp_loop_from(self, started: SimpleQueue[BaseException | None]) -> None:
        current.actor = self
        try:
            self._actor_loop_setup()
        except (Ignore, StartFailed) as failure:
            started.put(failure.with_traceback(None))
        else:
            started.put(None)
            self._actor_loop_running()
        finally:
            self._otp_is_done = True
            bury(self)

    def _actor_loop_running(self) -> None:
        while self._otp_work_off() and self._otp_guard(self._otp_pause):
            pass

    def _otp_work_off(self) -> bool:
        """Handle what is in the mailbox, up to a batch, then `on_drained`; whether the actor lives on."""
        has_worked = False
        for _ in range(MESSAGES_A_BATCH):
            item = self.actor_inbox.take()
            if item is None:
                break
            has_worked = True
            if not self._otp_handle(item):
                return False
        return self._otp_drain() if has_worked else True

    def _otp_pause(self, timeout_s: float | None = None) -> None:
        """Wait for the next message, or just have a look at other work where one is there already."""
        if self.actor_inbox.rest():
            self.wait(timeout_s)
            self.actor_inbox.rouse()
        else:
            self.wait(0)

    def _otp_ready(self) -> None:
        self.wake()

    def _otp_abandon_thread(self) -> None:
        entomb(self, lambda: not self._otp_is_done)
        self.wake()
