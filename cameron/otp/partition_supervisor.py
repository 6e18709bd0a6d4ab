"""One supervisor, N equal children, and each key at home in one of them: takes the load off an actor that everybody uses."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cameron.otp.calls import AnySupervisor
from cameron.otp.child import ChildSpec, Kind, Restart, Shutdowns
from cameron.otp.errors import Exit
from cameron.otp.reasons import NoProc, Restarting
from cameron.otp.ref import Ref
from cameron.otp.reply import ASK_TIMEOUT_S
from cameron.otp.supervision import Strategy
from cameron.otp.supervisor import Supervisor

Key = str | bytes | int | tuple[Any, ...]


class PartitionSupervisor(Supervisor):
    """Starts `start(0)`, ... `start(partitions - 1)`; their ids are these numbers. For the rest it is a `Supervisor`.

    `Partition(supervisor, key)` is the address of the child that a key belongs to.
    """

    def __init__(
        self,
        start: Callable[[int], Any],
        partitions: int,
        *,
        restart: Restart = Restart.PERMANENT,
        shutdown: Shutdowns = 5.0,
        type: Kind = "worker",
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        intensity: int = 1,
        period_s: float = 5.0,
    ) -> None:
        if isinstance(partitions, bool) or not isinstance(partitions, int) or partitions < 1:
            raise ValueError(f"partitions must be a whole number, 1 or more, not {partitions!r}")
        if not callable(start):
            raise ValueError(f"start must be a function that starts the partition whose number it is given, not {start!r}")
        specs = [ChildSpec(number, _starter(start, number), restart, shutdown, type) for number in range(partitions)]
        super().__init__(specs, strategy, intensity, period_s)
        self.partitions = partitions


def _starter(start: Callable[[int], Any], number: int) -> Callable[[], Any]:
    return lambda: start(number)


def partition_of(key: Key, partitions: int) -> int:
    """The number of the partition that a key belongs to: the same in every program, on every machine, in every run.

    Whole numbers are taken modulo `partitions`; strings, bytes, and tuples of all these are hashed.

    Raises:
        TypeError: a key of another kind, whose text or hash could differ from run to run.
    """
    if isinstance(key, int):
        return int(key) % partitions
    return zlib.crc32(_bytes_of(key)) % partitions


def _bytes_of(key: Any) -> bytes:
    match key:
        case bytes():
            return key
        case str():
            return key.encode("utf-8", "surrogatepass")
        case int():
            return str(int(key)).encode()
        case tuple():
            parts = [_bytes_of(part) for part in key]
            return b"".join(b"%d:%s" % (len(part), part) for part in parts)
    raise TypeError(f"a key must be a string, bytes, a whole number or a tuple of these, not {key!r}: it has to say the same in every run")


@dataclass(frozen=True, slots=True)
class Partition:
    """The child of a `PartitionSupervisor` that `key` belongs to, looked up at each call. Asks nobody for it; any thread."""

    supervisor: AnySupervisor
    key: Key

    def ref(self) -> Ref[Any] | None:
        """The actor; None where it does not run just now."""
        found = self._find()
        return found if isinstance(found, Ref) else None

    def tell(self, message: Any) -> None:
        """Send a message; dropped where nobody is there."""
        ref = self.ref()
        if ref is not None:
            ref.tell(message)

    def ask(self, message: Any, *, timeout: float | None = ASK_TIMEOUT_S) -> Any:
        """Ask as `Ref.ask` does.

        Raises:
            Exit: besides Ref.ask's: nobody is there (`NoProc`), or its supervisor is restarting it (`Restarting`).
        """
        found = self._find()
        if not isinstance(found, Ref):
            raise Exit(found)
        return found.ask(message, timeout=timeout)

    def _find(self) -> Any:
        supervisor = self.supervisor if isinstance(self.supervisor, Ref) else self.supervisor.ref()
        actor = None if supervisor is None else supervisor.actor_inbox.actor
        if actor is None:
            return NoProc
        if not isinstance(actor, PartitionSupervisor):
            raise TypeError(f"{supervisor} is no PartitionSupervisor, so it has no partition for {self.key!r}")
        state, number = actor.state, partition_of(self.key, actor.partitions)
        child = state.children.get(number)
        if child is None or child.ref is None:
            return Restarting if state.awaits(number) else NoProc
        ended_with = child.ref.actor_inbox.reason
        if ended_with is None:
            return child.ref
        return Restarting if child.spec.restart.applies_to(ended_with) else NoProc  # its supervisor will hear of it in a moment
