"""A reference to an actor: Pykka's, with OTP's meaning of a dead one."""

from __future__ import annotations

import itertools
import uuid
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from pykka import ActorRef, Future

from cameron.otp.current import refuse_fenced
from cameron.otp.mailbox import Letter, Mailbox
from cameron.otp.reasons import Reason, Shutdown
from cameron.otp.reply import ASK_TIMEOUT_S, Reply
from cameron.otp.signals import ExitRequest

if TYPE_CHECKING:
    from cameron.otp.actor import Actor

A = TypeVar("A", bound="Actor")

_URN_PREFIX = uuid.uuid4().urn  # a uuid of its own would cost an actor 2 us
_numbers = itertools.count(1)


class Ref(ActorRef[A]):
    """Safe to pass around and to use from any thread. An actor has one ref, so refs compare and hash by identity."""

    __slots__ = ("_number", "actor_class", "actor_inbox", "name")

    actor_inbox: Mailbox

    def __init__(self, actor: A) -> None:  # Pykka's would ask for an Event and a weak reference of every actor
        self.actor_class = actor.__class__
        self.actor_inbox = actor.actor_inbox
        self.name: str | None = None
        self._number = next(_numbers)

    def __str__(self) -> str:
        return f"{self.actor_class.__name__} {self.name or f'#{self._number}'}"

    def __repr__(self) -> str:
        return f"<{self}>"

    @property
    def actor_urn(self) -> str:  # type: ignore[override]  # Pykka's is an attribute; nobody sets it
        """Its number in this run of the program, as a name that is unique everywhere."""
        return f"{_URN_PREFIX}:{self._number}"

    def _actor_weakref(self) -> A | None:  # type: ignore[override]  # Pykka's proxies call it; the mailbox knows its actor
        return self.actor_inbox.actor  # type: ignore[return-value]

    def is_alive(self) -> bool:
        """Whether the actor has not ended. It may end before you look at the answer."""
        return self.actor_inbox.reason is None

    @property
    def ended_with(self) -> Reason | None:
        """Why the actor ended, also for those who watched it too late to be told; None while it has not."""
        return self.actor_inbox.reason

    def tell(self, message: Any) -> None:
        """Send a message and go on; to a dead actor it is dropped. Never blocks."""
        refuse_fenced()
        self.actor_inbox.put(Letter(message))

    @overload
    def ask(self, message: Any, *, block: Literal[False], timeout: float | None = ...) -> Future[Any]: ...
    @overload
    def ask(self, message: Any, *, block: Literal[True], timeout: float | None = ...) -> Any: ...
    @overload
    def ask(self, message: Any, *, block: bool = ..., timeout: float | None = ...) -> Any: ...
    def ask(self, message: Any, *, block: bool = True, timeout: float | None = ASK_TIMEOUT_S) -> Any:
        """Send a message and wait for the reply, at most `timeout` seconds (None: for ever), or return the future (`block=False`).

        Raises:
            Exit: the actor is dead (reason `NoProc`), or ended before it answered (its reason).
            pykka.Timeout: no reply in time; the work is not cancelled, a late reply is dropped.
            AskRefused: waiting for oneself, or inside a pooled actor.
        """
        refuse_fenced()
        reply = Reply(self.actor_inbox)
        if block:
            reply.refuse_deadlock()
        self.actor_inbox.put(Letter(message, reply))
        return reply.get(timeout=timeout) if block else reply

    def exit(self, reason: Reason | None = None) -> None:
        """Let the actor end with `reason` (default: `Shutdown()`) before it takes its next message; its `terminate` runs."""
        refuse_fenced()
        self.actor_inbox.signal(ExitRequest(Shutdown() if reason is None else reason))

    def kill(self) -> None:
        """End the actor here and now, without its `terminate`: reason `Killed`.

        A hook that is running can't be interrupted, so the actor is abandoned and fenced: to everybody else it is dead, what it
        sends is refused, and it is one of the `zombies()` until its thread comes back.
        """
        refuse_fenced()
        self.actor_inbox.abandon()
