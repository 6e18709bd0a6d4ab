"""The answer to an ask: Pykka's future, of which only the first answer counts."""

from __future__ import annotations

import sys
import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from pykka import Future, Timeout

from cameron.otp.current import current
from cameron.otp.errors import AskRefused, Exit
from cameron.otp.reasons import Reason

if TYPE_CHECKING:
    from pykka._types import OptExcInfo

    from cameron.otp.mailbox import Mailbox

ASK_TIMEOUT_S = 5.0


class Reply(Future[Any]):
    """A future that may be answered again without harm: late answers, and those of fenced actors, are dropped.

    Not Pykka's `ThreadingFuture`: that one wakes the asker while it holds the lock which the asker needs to go on, so that two threads
    take turns once more for each answer (an ask and its answer: 21 us of CPU, this one 15).
    """

    def __init__(self, asked: Mailbox | None = None) -> None:
        super().__init__()
        self._asked = asked
        self._lock = threading.Lock()
        self._answer: tuple[Any, BaseException | None] | None = None
        self._answered: SimpleQueue[None] = SimpleQueue()  # one at most, there to be waited for

    def get(self, *, timeout: float | None = ASK_TIMEOUT_S) -> Any:
        """Wait for the answer, at most `timeout` seconds (None: for ever).

        Raises:
            Exit, pykka.Timeout, AskRefused: as `Ref.ask`.
        """
        if self._get_hook is not None:
            return super().get(timeout=timeout)
        if self._answer is None:
            self._wait(timeout)
        assert self._answer is not None
        value, error = self._answer
        if error is not None:
            raise error
        return value

    def _wait(self, timeout: float | None) -> None:
        if timeout != 0:
            self.refuse_deadlock()
        try:
            self._answered.get(timeout=None if timeout is None else max(timeout, 0))
        except Empty:
            if self._answer is None:  # else somebody else has just been told
                raise Timeout(f"{timeout} seconds") from None
        else:
            self._answered.put(None)  # for whoever else waits

    def refuse_deadlock(self) -> None:
        """Raise AskRefused where waiting here could never end well."""
        asker = current.actor
        if asker is None:
            return
        if asker.actor_inbox is self._asked:
            raise AskRefused(f"{asker.actor_ref} asks itself, and would wait for ever: call the method, or tell yourself the message")
        if asker.is_pooled:
            raise AskRefused(
                f"{asker.actor_ref} shares its thread with other actors and must not wait for an answer: tell, and let it tell you back"
            )

    def set(self, value: Any | None = None) -> None:
        """Answer, unless it has been answered. Any thread."""
        self._settle(value, None)

    def set_exception(self, exc_info: OptExcInfo | None = None) -> None:
        """Answer with an error, unless it has been answered. Any thread."""
        kind, error, traceback = exc_info or sys.exc_info()
        if error is None:
            error = kind() if kind is not None else RuntimeError("an answer was to be an error, but there was none")
        self._settle(None, error.with_traceback(traceback))

    def fail(self, reason: Reason) -> None:
        """Let the asker's `get` raise `Exit(reason)`."""
        self.set_exception((Exit, Exit(reason), None))

    def _settle(self, value: Any, error: BaseException | None) -> None:
        with self._lock:
            if self._answer is not None:
                return
            self._answer = (value, error)
        self._answered.put(None)


class Later:
    """An answer that is still owed; see `Actor.reply_later`."""

    __slots__ = ("_owed", "_reply")

    def __init__(self, reply: Reply | None, owed: set[Reply]) -> None:
        self._reply = reply
        self._owed = owed

    def set(self, value: Any = None) -> None:
        """Answer the asker. Any thread; only the first call counts; nothing happens where nobody asked or the actor is gone."""
        if self._reply is not None:
            self._owed.discard(self._reply)
            self._reply.set(value)
