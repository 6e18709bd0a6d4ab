"""Many clients at once, each on a kept-alive connection of its own, cheap enough not to be what is measured."""

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any, NamedTuple


class Started(NamedTuple):
    """The answer to one start, and how long it took in seconds."""

    status: int
    location: str
    took_s: float


def start_all(port: int, process: str, payloads: Sequence[Any], clients: int, timeout_s: float = 300.0) -> list[Started]:
    """POST every payload to the process's start, from `clients` clients at once; answers in order of the payloads."""

    async def all_of_them() -> list[Started]:
        waiting = list(enumerate(payloads))[::-1]
        answers: dict[int, Started] = {}
        await asyncio.gather(*(_client(port, process, waiting, answers) for _ in range(clients)))
        return [answers[n] for n in range(len(payloads))]

    return asyncio.run(asyncio.wait_for(all_of_them(), timeout_s))


async def _client(port: int, process: str, waiting: list[tuple[int, Any]], answers: dict[int, Started]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while waiting:
            number, payload = waiting.pop()
            body = json.dumps(payload).encode()
            head = f"POST /api/process/{process}/start HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(body)}\r\n\r\n"
            began = time.monotonic()
            writer.write(head.encode() + body)
            status, headers = await _answer(reader)
            answers[number] = Started(status, headers.get("location", ""), time.monotonic() - began)
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
    await reader.readexactly(int(headers.get("content-length", "0")))
    return int(lines[0].split(" ")[1]), headers
