"""A scriptable activity service on real sockets: HTTP/1.1 with keep-alive on an asyncio loop in a thread of its own.

Replies are scripted for an activity (the path) and a job's key, so that many tests share one service and one start URL.
"""

import asyncio
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .answer import Answer, Gate, http
from .waiting import eventually

ANY = "*"


@dataclass(eq=False)
class Call:
    """One request that arrived; times by the monotonic clock in seconds; `replied` is None until the reply is written."""

    activity: str
    headers: dict[str, str]
    body: bytes
    arrived: float
    replied: float | None = None

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


Script = Answer | Callable[[Call], Answer]


class Service:
    """Answers POSTs as scripted, and remembers every call by the key in its body."""

    def __init__(self) -> None:
        self.port = 0
        self._scripts: dict[tuple[str, str], tuple[Script, ...]] = {}
        self._calls: dict[str, list[Call]] = defaultdict(list)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._connections: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="activity service", daemon=True)

    def start(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        self._thread.start()
        assert self._ready.wait(10), "the activity service did not start"

    def stop(self) -> None:
        """Close everything and end the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def url(self, activity: str) -> str:
        """Where an activity is called."""
        return f"http://127.0.0.1:{self.port}/{activity}"

    def gate(self) -> Gate:
        """A closed gate for answers of this service."""
        return Gate(self._loop)

    def on(self, activity: str, *scripts: Script, key: str = ANY) -> None:
        """Answer the calls of an activity (for one job key, or for any) with these in turn; the last one repeats."""
        self._scripts[key, activity] = scripts

    def calls(self, key: str) -> list[Call]:
        """The calls that arrived for one job key, in order of arrival."""
        return list(self._calls.get(key, ()))

    def all_calls(self) -> list[Call]:
        """The calls of every key."""
        return [call for calls in list(self._calls.values()) for call in list(calls)]

    def forget(self) -> None:
        """Forget the calls so far."""
        self._calls.clear()

    def arrived(self, key: str, count: int, timeout_s: float = 60.0) -> list[Call]:
        """Wait until at least `count` calls have arrived for a job key."""
        eventually(lambda: len(self._calls.get(key, ())) >= count, f"{count} calls for {key!r}", timeout_s, every_s=0.01)
        return self.calls(key)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for connection in self._connections:
            connection.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._connections, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        current = asyncio.current_task()
        assert current is not None
        self._connections.add(current)
        try:
            while await self._one_call(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the caller has gone, or the service stops: nobody is there to be told
        finally:
            self._connections.discard(current)
            writer.close()

    async def _one_call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        call = Call(head[0].split(" ")[1].lstrip("/"), headers, body, time.monotonic())
        answer = self._answer(call)
        if answer.gate is not None:
            await answer.gate.passed()
        if answer.delay_s:
            await asyncio.sleep(answer.delay_s)
        call.replied = time.monotonic()
        writer.write(answer.wire)
        await writer.drain()
        return not answer.close

    def _answer(self, call: Call) -> Answer:
        key = _key_of(call.body)
        self._calls[key].append(call)
        scripts = self._scripts.get((key, call.activity)) or self._scripts.get((ANY, call.activity))
        if scripts is None:
            return http(500, f"nothing is scripted for {call.activity!r} and key {key!r}".encode())
        earlier = sum(1 for other in self._calls[key] if other.activity == call.activity) - 1 if len(scripts) > 1 else 0
        script = scripts[min(earlier, len(scripts) - 1)]
        return script if isinstance(script, Answer) else script(call)


def _key_of(body: bytes) -> str:
    try:
        value = json.loads(body)
        return str(value["key"])
    except (ValueError, TypeError, KeyError):
        return ""
