"""The answer to an ask: Pykka's future, of which only the first answer counts."""

from __future__ import annotations

import queue
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pykka import ThreadingFuture

from cameron.otp.errors import Exit
from cameron.otp.reasons import Reason

if TYPE_CHECKING:
    from pykka._types import OptExcInfo


class Reply(ThreadingFuture[Any]):
    """A future that may be answered again without harm: late answers, and those of fenced actors, are dropped."""

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
