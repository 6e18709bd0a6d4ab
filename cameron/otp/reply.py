"""The answer to an ask: Pykka's future, of which only the first answer counts."""

from __future__ import annotations

import queue
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pykka import ThreadingFuture

from cameron.otp.current import current
from cameron.otp.errors import AskRefused, Exit
from cameron.otp.reasons import Reason

if TYPE_CHECKING:
    from pykka._types import OptExcInfo

    from cameron.otp.mailbox import Mailbox

ASK_TIMEOUT_S = 5.0


class Reply(ThreadingFuture[Any]):
    """A future that may be answered again without harm: late answers, and those of fenced actors, are dropped."""

    def __init__(self, asked: Mailbox | None = None) -> None:
        super().__init__()
        self._asked = asked

    def get(self, *, timeout: float | None = ASK_TIMEOUT_S) -> Any:
        """Wait for the answer, at most `timeout` seconds (None: for ever).

        Raises:
            Exit, pykka.Timeout, AskRefused: as `Ref.ask`.
        """
        if self._result is None and timeout != 0:
            self.refuse_deadlock()
        return super().get(timeout=timeout)

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
        with suppress(queue.Full):
            super().set(value)

    def set_exception(self, exc_info: OptExcInfo | None = None) -> None:
        """Answer with an error, unless it has been answered. Any thread."""
        with suppress(queue.Full):
            super().set_exception(exc_info)

    def fail(self, reason: Reason) -> None:
        """Let the asker's `get` raise `Exit(reason)`."""
        self.set_exception((Exit, Exit(reason), None))


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
