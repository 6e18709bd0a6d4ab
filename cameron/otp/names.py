"""Registered names: one live actor each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cameron.otp.errors import Exit
from cameron.otp.reasons import NoProc, Restarting
from cameron.otp.ref import ASK_TIMEOUT_S, Ref

_names: dict[str, Ref[Any]] = {}  # single dict operations are atomic, so there is no lock
_expected: set[str] = set()


def register(name: str, ref: Ref[Any]) -> Ref[Any]:
    """Give the name to `ref` unless it is taken; returns whose it is."""
    return _names.setdefault(name, ref)


def release(name: str) -> None:
    """Free the name."""
    _names.pop(name, None)


def whereis(name: str) -> Ref[Any] | None:
    """Look the name up."""
    return _names.get(name)


def expect(name: str) -> None:
    """A supervisor's promise that an actor of this name will be started again."""
    _expected.add(name)


def expect_no_longer(name: str) -> None:
    """The promise is kept, or broken."""
    _expected.discard(name)


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
            raise Exit(Restarting if self.name in _expected else NoProc)
        return ref.ask(message, timeout=timeout)
