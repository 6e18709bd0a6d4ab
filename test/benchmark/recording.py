"""What Cameron really does for a job, recorded, so that the floor does the very same: its Redis commands, its HTTP calls, their order.

The commands come from Redis's MONITOR, the calls from the service in Python, as nginx remembers none; they go to the measured service
instead. A job's own uuid and queue entry stand in them as placeholders.
"""

import re
import socket
import threading
from collections import Counter
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

UUID = "f" * 32  # stands where a job's uuid was: of the same length, so that packed commands can be changed in place
ENTRY = "<entry>"
_UUID = re.compile(r"[0-9a-f]{32}")
_ENTRY = re.compile(r"\d{13}-\d+")
_ARGUMENT = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(rb"\\(x[0-9a-f]{2}|.)")
_SIMPLE = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}
_SENT = re.compile(rb"^\+?[\d.]+ \[(?!\d+ lua\])[^\]]*\] \"(\w+)\"")
_TASK_STATUS = re.compile(r"task\.(.+)\.status\.current")


@dataclass(frozen=True)
class Command:
    """One command of a job: it records the replies of some tasks, and releases the calls of others."""

    words: list[str]  # Latin-1, for any bytes
    replies: list[str]
    calls: list[str]


@dataclass(frozen=True)
class Request:
    """The call of a task."""

    url: str
    headers: list[str]
    body: str


@dataclass(frozen=True)
class Recording:
    """Several jobs, as they differ in which replies came together and so were recorded by one command."""

    jobs: list[list[Command]]
    requests: dict[str, Request]

    def as_json(self) -> dict[str, Any]:
        """See `from_json`."""
        return asdict(self)

    @staticmethod
    def from_json(read: dict[str, Any]) -> "Recording":
        """The inverse of `as_json`."""
        jobs = [[Command(**command) for command in job] for job in read["jobs"]]
        return Recording(jobs, {task: Request(**request) for task, request in read["requests"].items()})


class Monitor:
    """MONITOR on a connection and a thread of its own, until `stop`."""

    def __init__(self, port: int) -> None:
        self._connection = socket.create_connection(("127.0.0.1", port))
        self._connection.sendall(b"MONITOR\r\n")
        self._lines: list[bytes] = []
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def stop(self) -> list[bytes]:
        """All lines so far."""
        self._connection.shutdown(socket.SHUT_RD)
        self._thread.join()
        self._connection.close()
        return self._lines

    def _read(self) -> None:
        with self._connection.makefile("rb") as lines:
            self._lines.extend(lines)


def sent(lines: list[bytes]) -> Counter[str]:
    """How often each command was sent by anyone; what scripts carry out is not counted."""
    return Counter(found[1].decode().lower() for line in lines if (found := _SENT.match(line)))


def recording(lines: list[bytes], seen: dict[str, str], host: str) -> Recording:
    """From MONITOR's lines and the service's requests (raw HTTP, by path), to be sent to `host`; jobs not seen whole are left out."""
    by_uuid: dict[str, list[list[str]]] = {}
    for line in lines:
        if b'] "EVALSHA"' not in line:  # what a script does itself is marked lua and not sent by anyone
            continue
        words = _words(line)
        uuid = _UUID.search(words[3])
        if uuid:
            by_uuid.setdefault(uuid[0], []).append(words)
    jobs = [[_command(words, uuid) for words in commands] for uuid, commands in by_uuid.items()]
    requests = dict(_request(text, host) for text in seen.values())
    complete = [job for job in jobs if sorted(name for command in job for name in command.replies) == sorted(requests)]
    if not complete:
        raise RuntimeError("no whole job was recorded: do its writes still go out as EVALSHA with its uuid in their first key?")
    return Recording(complete, requests)


def _words(line: bytes) -> list[str]:
    def plain(match: re.Match[bytes]) -> bytes:
        code = match[1]
        return bytes([int(code[1:], 16)]) if code[:1] == b"x" else _SIMPLE.get(code, code)

    return [_ESCAPE.sub(plain, word).decode("latin-1") for word in _ARGUMENT.findall(line)]


def _command(words: list[str], uuid: str) -> Command:
    statuses = [(found[1], value) for word, value in pairwise(words) if (found := _TASK_STATUS.fullmatch(word))]
    return Command(
        [ENTRY if _ENTRY.fullmatch(word) else word.replace(uuid, UUID) for word in words],
        [task for task, status in statuses if status == "done"],
        [task for task, status in statuses if status == "running"],
    )


def _request(text: str, host: str) -> tuple[str, Request]:
    head, _, body = text.partition("\r\n\r\n")
    first, *headers = head.split("\r\n")
    fields = dict(header.split(": ", 1) for header in headers)
    ours = [header.replace(fields["X-Cameron-Job"], UUID) for header in headers if not header.startswith(("Host:", "Content-Length:"))]
    return fields["X-Cameron-Task"], Request(f"http://{host}{first.split(' ')[1]}", ours, body)
