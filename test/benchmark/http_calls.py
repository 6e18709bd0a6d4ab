"""How many HTTP calls a second, and how much CPU a call, the libcurl loop makes.

    python test/benchmark/http_calls.py [--calls 30000] [--at-once 16] [--bytes 400] [--delay-s 0]

The server is a process of its own (raw sockets on asyncio), so the CPU time shown is the caller's alone.
"""

import argparse
import asyncio
import os
import resource
import signal
import time
from multiprocessing import Pipe, Process
from multiprocessing.connection import Connection
from typing import Any

from cameron.activities.call import Call
from cameron.activities.curl_loop import CurlLoop
from cameron.activities.http import raise_descriptor_limit


class Answers(asyncio.Protocol):
    """Answers every request that arrives in one piece with the same reply."""

    reply = b""
    delay_s = 0.0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.delay_s:
            asyncio.get_running_loop().call_later(self.delay_s, self.transport.write, self.reply)
        else:
            self.transport.write(self.reply)


class Counter:
    """Takes the place of an actor's ref."""

    def tell(self, message: object) -> None:
        """Nobody listens."""


def serve(pipe: Connection, size: int, delay_s: float) -> None:
    """Serve until killed; sends its port first."""
    raise_descriptor_limit()
    Answers.delay_s = delay_s
    body = b'{"data": "' + b"x" * size + b'"}'
    Answers.reply = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Answers, "127.0.0.1", 0, backlog=4096)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


def make_calls(port: int, calls: int, at_once: int) -> tuple[float, float]:
    """Seconds on the clock and seconds of CPU for that many calls, keep-alive."""
    raise_descriptor_limit()
    loop, counter = CurlLoop(at_once * 2, at_once), Counter()
    headers = ("Content-Type: application/json", "Idempotency-Key: 0123456789abcdef0123456789abcdef/start", "X-Cameron-Process: foo",
               "X-Cameron-Job: 0123456789abcdef0123456789abcdef", "X-Cameron-Task: start", "X-Cameron-Attempt: 1",
               "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")  # fmt: skip
    body = b'{"key": "(id,007)", "data": {"bar": "the likable bar"}, "requestor": "bob"}'

    def start(number: int) -> None:
        url = f"http://127.0.0.1:{port}/act_{number % 7}"
        loop.add(Call(counter, f"act_{number}", 1, "POST", url, headers, body, 30.0, 300.0, 1 << 20, False))

    started = done = 0
    began, cpu = time.perf_counter(), time.process_time()
    while done < calls:
        while started < calls and started - done < at_once:
            start(started)
            started += 1
        for replies in loop.poll(10.0).values():
            done += len(replies)
            assert all(reply.status == 200 for reply in replies), replies[0]
    figures = time.perf_counter() - began, time.process_time() - cpu
    loop.close()
    return figures


def main() -> None:
    """Run the benchmark and print its figures."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--calls", type=int, default=30_000)
    arguments.add_argument("--at-once", type=int, default=16)
    arguments.add_argument("--bytes", type=int, default=400)
    arguments.add_argument("--delay-s", type=float, default=0.0, help="how long the server takes for a reply")
    given = arguments.parse_args()
    ours, theirs = Pipe()
    server = Process(target=serve, args=(theirs, given.bytes, given.delay_s), daemon=True)
    server.start()
    try:
        seconds, cpu = make_calls(ours.recv(), given.calls, given.at_once)
    finally:
        os.kill(server.pid or 0, signal.SIGTERM)
        server.join()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{given.calls} calls, {given.at_once} at once, in {seconds:.1f} s: {given.calls / seconds:,.0f} calls/s", end=", ")
    print(f"{cpu / given.calls * 1e6:.1f} us CPU a call, {memory:.0f} MiB at most")


if __name__ == "__main__":
    main()
