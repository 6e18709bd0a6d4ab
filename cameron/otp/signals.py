"""What travels by a mailbox' system lane: it overtakes user messages, between messages."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cameron.otp.reasons import Reason

if TYPE_CHECKING:
    from cameron.otp.mailbox import Mailbox
    from cameron.otp.ref import Ref


class MonitorId:
    """What `monitor` returns and `demonitor` takes back; each call's is its own. Called at the end of `ref`, it tells who monitors it."""

    __slots__ = ("_mailbox", "ref")

    def __init__(self, ref: Ref[Any], mailbox: Mailbox) -> None:
        self.ref = ref
        self._mailbox = mailbox

    def __call__(self, reason: Reason) -> None:
        self._mailbox.signal(Down(self.ref, reason, self))

    def __repr__(self) -> str:
        return f"<monitor of {self.ref}>"


@dataclass(frozen=True, slots=True)
class Down:
    """To `on_receive` of an actor that monitors `ref`: it ended with `reason` (`NoProc`: it had ended before)."""

    ref: Ref[Any]
    reason: Reason
    monitor: MonitorId | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ExitSignal:
    """From a linked actor that ended: to `on_receive` where the actor traps exits, else an abnormal one ends it too."""

    ref: Ref[Any]
    reason: Reason


@dataclass(frozen=True, slots=True)
class ExitRequest:
    """End, with this reason: a supervisor's shutdown. Never seen by `on_receive`."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class ChildEnded:
    """To a supervisor: the child it had adopted under this id ended by itself."""

    id: Hashable
    ref: Ref[Any]
    reason: Reason


Signal = Down | ExitSignal | ExitRequest | ChildEnded
