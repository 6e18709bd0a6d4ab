"""The foo sample as a service that answers at once: replies built beforehand, one epoll loop, nothing parsed but where a request ends.

    python test/benchmark/static_service.py        prints its port; ends when its standard input does

`GET /seen` tells how many activities it was called for, and the last request for each: `{"calls", "requests": {path: text}}`.
"""

import json
import os
import select
import socket
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "foo_workflow"))

from api.workflow import BAR, GRAULT, PREFIX, who  # type: ignore[import-not-found, unused-ignore]  # only there at run time

KEY = "(id,007)"  # of every job of the benchmark, as the replies are built beforehand
START_PATH: str = PREFIX + "/start"
MOST_BYTES = 65536
END = b"\r\n\r\n"


def bodies(port: int) -> dict[str, str]:
    """The JSON that is answered, by path; what they name is called on that port."""
    acts = [f"act_{number}" for number in range(1, 6)]
    found: dict[str, Any] = {"/start": {"name": "whois", "data": who(KEY), "next_activities": _next(port, *acts)}}
    for act in acts:
        found[f"/activity/{act}"] = {"name": f"foo_{act}", "data": BAR}
    found["/activity/act_5"]["next_activities"] = _next(port, "act_5_sub_1")
    found["/activity/act_5_sub_1"] = {"name": "foo_act_5_sub_1", "data": GRAULT}
    return {PREFIX + path: json.dumps({"process": "foo", **body}) for path, body in found.items()}


def _next(port: int, *names: str) -> dict[str, Any]:
    return {
        "parallelizable": "yes",
        "definitions": [{"name": name, "url": f"http://127.0.0.1:{port}{PREFIX}/activity/{name}"} for name in names],
    }


def _answer(body: str) -> bytes:
    text = body.encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)


class Service:
    """Answers until its standard input ends."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self._replies = {path.encode(): _answer(body) for path, body in bodies(self.port).items()}
        self._clients: dict[int, socket.socket] = {}
        self._begun: dict[int, bytes] = {}  # of requests that have come in part
        self._calls = 0
        self._seen: dict[bytes, bytes] = {}
        self._epoll = select.epoll()

    def run(self) -> None:
        poll, listening, stdin = self._epoll.poll, self._listener.fileno(), sys.stdin.fileno()
        self._epoll.register(listening, select.EPOLLIN)
        self._epoll.register(stdin, select.EPOLLIN)
        while True:
            for descriptor, _ in poll():
                if descriptor == listening:
                    self._accept()
                elif descriptor == stdin:
                    if not os.read(stdin, 1):
                        return
                else:
                    self._receive(descriptor)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._clients[client.fileno()] = client
        self._epoll.register(client.fileno(), select.EPOLLIN)

    def _receive(self, descriptor: int) -> None:
        client = self._clients[descriptor]
        try:
            data = client.recv(MOST_BYTES)
        except ConnectionError:
            data = b""
        if not data:
            del self._clients[descriptor]
            self._begun.pop(descriptor, None)
            client.close()
            return
        if descriptor in self._begun:
            data = self._begun.pop(descriptor) + data
        if is_whole(data):
            client.sendall(self._reply(data))
        else:
            self._begun[descriptor] = data

    def _reply(self, request: bytes) -> bytes:
        path = request[request.find(b" ") + 1 : request.find(b" HTTP/")]
        reply = self._replies.get(path)
        if reply is None:
            seen = {path.decode(): request.decode() for path, request in self._seen.items()}
            return _answer(json.dumps({"calls": self._calls, "requests": seen}))
        self._calls += 1
        self._seen[path] = request
        return reply


def is_whole(data: bytes) -> bool:
    """Whether a request has come with all of its body."""
    end = data.find(END)
    if end < 0:
        return False
    at = data.find(b"Content-Length: ", 0, end)
    return at < 0 or len(data) - end - len(END) >= int(data[at + 16 : data.find(b"\r\n", at)])


if __name__ == "__main__":
    service = Service()
    print(service.port, flush=True)
    service.run()
