"""A stretch of network between a node and Redis that reads along, and loses the answer of exactly the command that a test names.

Redis has carried that command out; whoever sent it sees its connection cut instead of the answer, or after half of it.
"""

import hashlib
import socket
import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

import hiredis

from cameron.store import redis as store
from cameron.store.redis import script_text

from ...integration.relay import Relay
from .waiting import eventually


class Asked(NamedTuple):
    """A command on its way: its name in capitals, or the name of the script that it runs, and all of its bytes."""

    name: str
    wire: bytes


class Loss:
    """Of the commands of that name that bear `asked`, and whose answers bear `answered`, the `nth` loses its answer."""

    def __init__(self, name: str, asked: bytes, answered: bytes, nth: int, half: bool) -> None:
        self._name, self._asked, self._answered, self._left, self.half = name, asked, answered, nth, half
        self._happened = threading.Event()

    def strikes(self, command: Asked, answer: bytes) -> bool:
        """Whether this answer is the one; told of every answer, in order. Relay's threads, under its lock."""
        if self.happened or command.name != self._name or self._asked not in command.wire or self._answered not in answer:
            return False
        self._left -= 1
        if self._left == 0:
            self._happened.set()
        return self.happened

    @property
    def happened(self) -> bool:
        """Whether the answer has been lost."""
        return self._happened.is_set()

    def wait(self, timeout_s: float = 60.0) -> None:
        """Return once the answer has been lost."""
        eventually(lambda: self.happened, f"an answer of {self._name} to be lost", timeout_s, every_s=0.005)


class LossyRelay(Relay):
    """Passes everything on until it is told to lose something; `seen` counts the commands that were answered, by name."""

    def __init__(self, to_port: int) -> None:
        self.seen: Counter[str] = Counter()
        self._losses: list[Loss] = []
        self._on_their_way: dict[socket.socket, deque[Asked]] = {}  # by the client's end
        self._lock = threading.Lock()
        self._scripts = _scripts()
        super().__init__(to_port)

    def lose(self, name: str, asked: bytes = b"", *, answered: bytes = b"", nth: int = 1, half: bool = False) -> Loss:
        """Cut the connection of the `nth` command from now on that is meant, instead of its answer or after `half` of that."""
        loss = Loss(name, asked, answered, nth, half)
        self._losses.append(loss)
        return loss

    def lead_to(self, port: int) -> None:
        """Cut all connections; new ones lead to another Redis."""
        self._to_port = port
        self.cut()

    def _pump(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        asked = self._on_their_way.setdefault(sink if answers else source, deque())
        rest = b""
        with suppress(OSError):
            while data := source.recv(1 << 16):
                rest += data
                frames = list(_frames(rest))
                rest = rest[sum(map(len, frames)) :]
                if not answers:
                    asked.extend(self._read(frame) for frame in frames)
                    sink.sendall(data)
                elif not self._pass_on(frames, asked, sink):
                    break
        self._close(source)
        self._close(sink)

    def _pass_on(self, frames: list[bytes], asked: deque[Asked], sink: socket.socket) -> bool:
        """Whether no answer was to be lost; what comes before the lost one is passed on."""
        passed: list[bytes] = []
        struck: Loss | None = None
        for frame in frames:
            command = asked.popleft()
            with self._lock:
                self.seen[command.name] += 1
                struck = next((loss for loss in self._losses if loss.strikes(command, frame)), None)
            if struck:
                passed.append(frame[: len(frame) // 2] if struck.half else b"")
                break
            passed.append(frame)
        sink.sendall(b"".join(passed))
        return struck is None

    def _read(self, frame: bytes) -> Asked:
        reader = hiredis.Reader()
        reader.feed(frame)
        words: list[bytes] = reader.gets()
        name = words[0].decode().upper()
        return Asked(self._scripts.get(words[1].decode(), name) if name == "EVALSHA" else name, frame)


def _scripts() -> dict[str, str]:
    """The engine's scripts: their names by the digests that EVALSHA runs them by."""
    return {hashlib.sha1(script_text(name).encode(), usedforsecurity=False).hexdigest(): name for name in store._SCRIPTS}


def _frames(data: bytes) -> Iterator[bytes]:
    """The whole commands or answers at the beginning of `data`."""
    at = 0
    while (end := frame_end(data, at)) > 0:
        yield data[at:end]
        at = end


def frame_end(data: bytes, at: int) -> int:
    """Where the RESP value that begins at `at` ends; -1 where the rest of it is still to come."""
    end = data.find(b"\r\n", at) + 2
    if end < 2:
        return -1
    kind = data[at : at + 1]
    if kind in b"+-:_#,(":
        return end
    count = int(data[at + 1 : end - 2])
    if kind in b"$=!":
        end += count + 2 if count >= 0 else 0
        return end if end <= len(data) else -1
    for _ in range(count * 2 if kind == b"%" else count):
        end = frame_end(data, end)
        if end < 0:
            return -1
    return end
