"""A scripted HTTP server on a free port, and a mailbox to be told replies in."""

import asyncio
import os
import queue
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import pytest

from cameron.activities.call import Begun, Call, GivenBack, Replies, Reply
from cameron.activities.curl_loop import CurlLoop

PATIENCE_S = 30.0


class Request(NamedTuple):
    """What arrived."""

    line: str  # "POST /path HTTP/1.1"
    headers: dict[str, str]  # names in lower case
    body: bytes


Answer = Callable[["Server", Request, asyncio.StreamWriter], Awaitable[None]]


def whole_reply(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """An HTTP reply."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


class Server:
    """Answers each request as its `answer` does; keeps what arrived. Runs in a thread of its own."""

    def __init__(self, answer: Answer, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.at_once = self.most_at_once = 0
        self.arrived = threading.Semaphore(0)  # released once a request
        self._answer = answer
        self._host = host
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._released = asyncio.Event()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        assert ready.wait(PATIENCE_S)

    def url(self, path: str = "/", host: str | None = None, scheme: str = "http") -> str:
        """Where it serves."""
        return f"{scheme}://{host or self._host}:{self.port}{path}"

    async def released(self) -> None:
        """For an answer: hold the reply back until the test calls `release`."""
        await self._released.wait()

    def release(self) -> None:
        """Let all held replies go."""
        self._loop.call_soon_threadsafe(self._released.set)

    def wait_for_requests(self, count: int) -> None:
        """Return when that many more requests have arrived."""
        for _ in range(count):
            assert self.arrived.acquire(timeout=PATIENCE_S)

    def close(self) -> None:
        """Stop serving, drop all connections."""
        if not self._thread.is_alive():
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        start = asyncio.start_server(self._connected, self._host, 0, backlog=4096, ssl=self._tls, limit=1 << 22)
        server = self._loop.run_until_complete(start)
        self.port: int = server.sockets[0].getsockname()[1]
        ready.set()
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(self._drop_all())
        self._loop.close()

    async def _drop_all(self) -> None:
        await asyncio.sleep(0)  # lets connections just accepted begin
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
            await asyncio.wait([task])
        await asyncio.sleep(0)  # lets the transports close

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                await self._serve(await reader.readuntil(b"\r\n\r\n"), reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _serve(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, *rest = head.decode("utf-8").strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (header.partition(":") for header in rest)}
        request = Request(line, headers, await reader.readexactly(int(headers.get("content-length", "0"))))
        self.requests.append(request)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.arrived.release()
        try:
            await self._answer(self, request, writer)
            await writer.drain()
        finally:
            self.at_once -= 1


class Mailbox:
    """Stands for an actor: keeps the replies it is told, and which runs have begun."""

    def __init__(self) -> None:
        self._replies: queue.Queue[Reply] = queue.Queue()
        self._begun: queue.Queue[Begun] = queue.Queue()
        self._given_back: queue.Queue[GivenBack] = queue.Queue()
        self.told: list[tuple[str, str, int]] = []  # "begun" or "replied", the task and its attempt, in order

    def tell(self, message: Any) -> None:
        """Take a `Begun`, a `Replies` or a `GivenBack`."""
        assert isinstance(message, Begun | Replies | GivenBack)
        if isinstance(message, GivenBack):
            self._given_back.put(message)
            return
        if isinstance(message, Begun):
            self.told.append(("begun", message.task, message.attempt))
            self._begun.put(message)
            return
        for reply in message.replies:
            self.told.append(("replied", reply.task, reply.attempt))
            self._replies.put(reply)

    def begun(self) -> Begun:
        """The next one told, waited for."""
        return self._begun.get(timeout=PATIENCE_S)

    def given_back(self) -> GivenBack:
        """The next one told, waited for."""
        return self._given_back.get(timeout=PATIENCE_S)

    def take(self) -> Reply:
        """The next reply told, waited for."""
        return self._replies.get(timeout=PATIENCE_S)

    def empty(self) -> bool:
        """Whether nothing is waiting to be taken."""
        return self._replies.empty()


def usual_call(url: str, **changes: Any) -> Call:
    """A POST of a small JSON object, as the engine makes it, with changes."""
    usual = Call(Mailbox(), "start", 1, "POST", url, ("Content-Type: application/json",), b'{"key":"k"}', 10.0, PATIENCE_S, 1 << 20, False)
    return usual._replace(**changes)


def run_calls(loop: CurlLoop, *calls: Call, until: int | None = None) -> list[Reply]:
    """Add the calls, poll until that many replies (default: all of these) have come; the replies in order of arrival."""
    for one in calls:
        loop.add(one)
    replies: list[Reply] = []
    deadline_s = time.monotonic() + PATIENCE_S
    while len(replies) < (len(calls) if until is None else until):
        left_s = deadline_s - time.monotonic()
        assert left_s > 0, f"only {len(replies)} replies came"
        for told in loop.poll(left_s).values():
            replies += told
    return replies


@pytest.fixture
def poll_until() -> Callable[[CurlLoop, Callable[[], bool]], None]:
    """`poll_until(loop, condition)`: poll, no replies expected, until the condition holds."""

    def poll(loop: CurlLoop, condition: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline_s
            assert loop.poll(0.05) == {}

    return poll


@pytest.fixture
def whole() -> Callable[..., bytes]:
    """`whole(body, "200 OK", "Name: value", ...)`: an HTTP reply's bytes."""
    return whole_reply


@pytest.fixture
def call() -> Callable[..., Call]:
    """`call(url, method="GET", ...)`: a POST of a small JSON object with changes."""
    return usual_call


@pytest.fixture
def run() -> Callable[..., list[Reply]]:
    """`run(loop, call, ...)`: the calls' replies."""
    return run_calls


@pytest.fixture
def open_files() -> Callable[[], list[str]]:
    """`open_files()`: what this process has open of the kinds that a loop opens: sockets, pipes, epolls and eventfds."""

    def look() -> list[str]:
        names = []
        for descriptor in os.listdir("/proc/self/fd"):
            with suppress(FileNotFoundError):  # the one that listed them
                names.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        return sorted(name for name in names if name.startswith(("socket:", "pipe:", "anon_inode:")))

    return look


@pytest.fixture
def mailbox() -> Mailbox:
    """Somebody to be told replies."""
    return Mailbox()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Starts servers: `serve(answer)`, `serve(b"all bytes of the reply")`."""
    servers: list[Server] = []

    def start(answer: Answer | bytes, **options: Any) -> Server:
        async def reply(server: Server, request: Request, writer: asyncio.StreamWriter) -> None:
            assert isinstance(answer, bytes)
            writer.write(answer)

        servers.append(Server(reply if isinstance(answer, bytes) else answer, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def loop() -> Iterator[CurlLoop]:
    """A loop for 2,000 calls, 1,500 a host."""
    made = CurlLoop(2000, 1500)
    yield made
    made.close()
