"""Registered names: one live actor each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cameron.otp.child import Restart
from cameron.otp.errors import Exit
from cameron.otp.reasons import NoProc, Reason, Restarting
from cameron.otp.ref import Ref
from cameron.otp.reply import ASK_TIMEOUT_S

_names: dict[str, Ref[Any]] = {}  # single dict operations are atomic, so there is no lock
_parents: dict[str, tuple[Ref[Any], Restart]] = {}  # of named children that may be restarted
_expected: dict[str, Ref[Any]] = {}  # the supervisor that will start an actor of this name again


def register(name: str, ref: Ref[Any]) -> Ref[Any]:
    """Give the name to `ref` unless it is taken; returns whose it is."""
    return _names.setdefault(name, ref)


def release(name: str, reason: Reason) -> None:
    """Free the name of an actor that ended; from here on its `Address` tells a child that will be back from one that won't."""
    parent = _parents.pop(name, None)
    if parent is not None and parent[1].applies_to(reason):
        _expected[name] = parent[0]
    _names.pop(name, None)


def whereis(name: str) -> Ref[Any] | None:
    """Look the name up."""
    return _names.get(name)


def adopt(name: str, parent: Ref[Any], restart: Restart) -> None:
    """The actor of this name is a supervisor's child."""
    if restart is not Restart.TEMPORARY:
        _parents[name] = (parent, restart)


def disown(name: str, parent: Ref[Any]) -> None:
    """The actor of this name is that supervisor's child no longer."""
    if _parents.get(name, (None,))[0] is parent:
        _parents.pop(name, None)


def expect(name: str, supervisor: Ref[Any]) -> None:
    """A supervisor's promise that an actor of this name will be started again; void when the supervisor has ended."""
    _expected[name] = supervisor


def expect_no_longer(name: str) -> None:
    """The promise is kept, or broken."""
    _expected.pop(name, None)


def is_expected(name: str) -> bool:
    """Whether a supervisor that lives has promised to start an actor of this name again."""
    supervisor = _expected.get(name)
    if supervisor is None:
        return False
    if not supervisor.is_alive():
        _expected.pop(name, None)
        return False
    return True


@dataclass(frozen=True, slots=True)
class Address:
    """A name to send to, looked up at each call: it finds the successor of an actor that was restarted."""

    name: str

    def ref(self) -> Ref[Any] | None:
        """The actor that bears the name now."""
        return _names.get(self.name)

    def tell(self, message: Any) -> None:
        """Send a message; dropped where nobody bears the name."""
        ref = _names.get(self.name)
        if ref is not None:
            ref.tell(message)

    def ask(self, message: Any, *, timeout: float | None = ASK_TIMEOUT_S) -> Any:
        """Ask as `Ref.ask` does.

        Raises:
            Exit: besides Ref.ask's: nobody bears the name (`NoProc`), or its supervisor is restarting it (`Restarting`).
        """
        ref = _names.get(self.name)
        if ref is None:
            raise Exit(Restarting if is_expected(self.name) else NoProc)
        return ref.ask(message, timeout=timeout)
