"""Which actor the calling thread runs just now, and which ones have been fenced while they ran."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cameron.otp.errors import Exit
from cameron.otp.reasons import Killed

if TYPE_CHECKING:
    from cameron.otp.actor import Actor
    from cameron.otp.mailbox import Mailbox
    from cameron.otp.ref import Ref


class _Current(threading.local):
    actor: Actor | None = None
    started: list[Mailbox] | None = None  # by a child's start function that is being called, whose caller will report their crashes


current = _Current()

_zombies: set[Actor] = set()


def zombies() -> list[Ref[Any]]:
    """List the actors that were killed while a hook of theirs ran, and whose thread has not come back since."""
    return [actor.actor_ref for actor in list(_zombies)]


def entomb(actor: Actor, is_away: Callable[[], bool]) -> None:
    """Count a killed actor as a zombie until `bury`, unless its thread has come back before it was counted."""
    _zombies.add(actor)
    if not is_away():
        _zombies.discard(actor)


def bury(actor: Actor) -> None:
    """Its thread has come back: a zombie no more."""
    _zombies.discard(actor)


def refuse_fenced() -> None:
    """Raise `Exit(Killed)` where the calling thread still runs an actor that was killed: its sends count no longer."""
    if _zombies and current.actor is not None and current.actor.is_fenced:
        raise Exit(Killed)
