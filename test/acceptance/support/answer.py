"""What a scripted activity answers: bytes on the wire, when, and whether the connection is closed after them."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any


class Gate:
    """Holds replies until it is opened; opened from any thread, waited for in the service's loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._event = asyncio.Event()

    def open(self) -> None:
        """Let all replies held here go, now and from now on."""
        self._loop.call_soon_threadsafe(self._event.set)

    async def passed(self) -> None:
        """Wait until the gate is open (the service's loop)."""
        await self._event.wait()


@dataclass(frozen=True)
class Answer:
    """The whole reply as bytes, status line included."""

    wire: bytes
    close: bool = False
    delay_s: float = 0.0
    gate: Gate | None = field(default=None, compare=False)

    def held(self, gate: Gate) -> "Answer":
        """This answer, given once the gate is open."""
        return replace(self, gate=gate)

    def after(self, delay_s: float) -> "Answer":
        """This answer, given after `delay_s` seconds."""
        return replace(self, delay_s=delay_s)


def http(status: int, body: bytes, headers: Mapping[str, str] | None = None, before: bytes = b"") -> Answer:
    """A well-formed HTTP reply with any body; `before` are bytes in front of it (interim replies)."""
    fields = {"Content-Length": str(len(body)), "Content-Type": "application/json", **(headers or {})}
    lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in fields.items())]
    return Answer(before + "\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def document(value: Any, status: int = 200) -> Answer:
    """A reply whose body is `value` as JSON."""
    return http(status, json.dumps(value, ensure_ascii=False).encode())


def reply(data: Any = None, name: str | None = None, next_activities: Any = None) -> Answer:
    """An activity's reply in the documented form; `name` and `next_activities` are left out where None."""
    value: dict[str, Any] = {"process": "scripted"}
    if name is not None:
        value["name"] = name
    value["data"] = data
    if next_activities is not None:
        value["next_activities"] = next_activities
    return document(value)


def follow(definitions: Sequence[tuple[str, str]], parallelizable: str = "yes") -> dict[str, Any]:
    """`next_activities` in the documented form, from (name, url) pairs."""
    return {"parallelizable": parallelizable, "definitions": [{"name": name, "url": url} for name, url in definitions]}


def raw(wire: bytes) -> Answer:
    """Exactly these bytes, then the connection is closed."""
    return Answer(wire, close=True)
