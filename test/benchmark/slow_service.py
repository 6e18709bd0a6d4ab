"""A service whose every activity takes its time, however many are called at once: asyncio, raw sockets, a process of its own.

    python test/benchmark/slow_service.py DELAY_S [NEXT]    prints its port; ends when its standard input does

`POST /start` answers at once, or after the delay where NEXT is 0 (the default), and names NEXT parallel next activities, which answer after
the delay. A line on its input makes it print `{"calls", "at_once", "began_s", "ended_s"}`: the calls so far, the most at one time, and when
(monotonic) the first of them came and the last was answered; then it counts anew.
"""

import asyncio
import json
import resource
import sys
import time
from typing import Any

from static_service import is_whole


class Counts:
    """What came since it was asked last."""

    def __init__(self) -> None:
        self.calls = self.now = self.at_once = 0
        self.began_s = self.ended_s = 0.0

    def came(self) -> None:
        """A call is there."""
        self.began_s = self.began_s or time.monotonic()
        self.calls += 1
        self.now += 1
        self.at_once = max(self.at_once, self.now)

    def went(self) -> None:
        """It is answered."""
        self.now -= 1
        self.ended_s = time.monotonic()

    def as_json(self) -> str:
        """See above."""
        return json.dumps({"calls": self.calls, "at_once": self.at_once, "began_s": self.began_s, "ended_s": self.ended_s})


def answer(body: Any) -> bytes:
    """A whole 200."""
    text = json.dumps(body).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)


class Connection(asyncio.Protocol):
    """One connection: one request after another."""

    delay_s = 0.0
    counts = Counts()
    activity = answer({"process": "foo", "name": "slow", "data": {"bar": "the likable bar"}})
    start = activity
    start_delay_s = 0.0

    def connection_made(self, transport: Any) -> None:
        self._transport, self._begun = transport, b""

    def data_received(self, data: bytes) -> None:
        self._begun += data
        if not is_whole(self._begun):
            return
        is_start, self._begun = self._begun.startswith(b"POST /start"), b""
        kind = type(self)
        reply, delay_s = (kind.start, kind.start_delay_s) if is_start else (kind.activity, kind.delay_s)
        if not delay_s:
            self._transport.write(reply)
            return
        kind.counts.came()
        asyncio.get_running_loop().call_later(delay_s, self._reply, reply)

    def _reply(self, reply: bytes) -> None:
        type(self).counts.went()
        self._transport.write(reply)


async def serve(delay_s: float, following: int) -> None:
    """Until the input ends."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=16_384)
    port = server.sockets[0].getsockname()[1]
    Connection.delay_s = Connection.start_delay_s = delay_s
    if following:
        definitions = [{"name": f"act_{number}", "url": f"http://127.0.0.1:{port}/act"} for number in range(following)]
        Connection.start = answer({"process": "foo", "next_activities": {"parallelizable": "yes", "definitions": definitions}})
        Connection.start_delay_s = 0.0

    def hear() -> None:
        if not sys.stdin.readline():
            ended.set()
            return
        print(Connection.counts.as_json(), flush=True)
        Connection.counts = Counts()

    loop.add_reader(sys.stdin.fileno(), hear)
    print(port, flush=True)
    await ended.wait()


if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(serve(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
