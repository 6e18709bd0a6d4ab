"""The clients of the benchmark, in a process of their own: each sends one request after another on its own kept-alive connection.

    python test/benchmark/clients.py PORT JOBS CLIENTS    prints "ready", begins at a line on its input, then prints its figures as JSON

The requests are built beforehand and one epoll loop serves all clients, so that little of the machine is taken from what is measured.
"""

import json
import select
import socket
import sys
import time

from starts import is_whole, request
from static_service import KEY

BODY = json.dumps({"key": KEY, "data": "something", "requestor": "benchmark"}).encode()
MOST_BYTES = 65536


def start_request(port: int) -> bytes:
    """A whole `POST .../start`."""
    return request(port, "/api/process/foo/start", BODY)


def connect(port: int) -> socket.socket:
    """A client's connection."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def accepted(answer: bytes) -> bool:
    """Whether a whole 201 has come; any other answer raises."""
    if len(answer) >= 12 and answer[9:12] != b"201":
        raise RuntimeError(f"not accepted: {answer.decode(errors='replace')}")
    return is_whole(answer)


def start_jobs(port: int, jobs: int, connections: dict[int, socket.socket]) -> list[float]:
    """Start the jobs, and how long each took from the request to its 201, in seconds."""
    epoll, request, took = select.epoll(), start_request(port), list[float]()
    sent_s: dict[int, float] = {}
    answers: dict[int, bytes] = dict.fromkeys(connections, b"")
    left = jobs
    for descriptor, connection in list(connections.items())[:jobs]:
        epoll.register(descriptor, select.EPOLLIN)
        sent_s[descriptor] = time.perf_counter()
        connection.sendall(request)
        left -= 1
    while len(took) < jobs:
        for descriptor, _ in epoll.poll():
            answers[descriptor] += connections[descriptor].recv(MOST_BYTES)
            if not accepted(answers[descriptor]):
                continue
            answers[descriptor] = b""
            took.append(time.perf_counter() - sent_s[descriptor])
            if left:
                left -= 1
                sent_s[descriptor] = time.perf_counter()
                connections[descriptor].sendall(request)
    return took


def main() -> None:
    port, jobs, clients = map(int, sys.argv[1:])
    connections = {connection.fileno(): connection for connection in (connect(port) for _ in range(clients))}
    print("ready", flush=True)
    sys.stdin.readline()
    began, cpu = time.perf_counter(), time.process_time()
    took = start_jobs(port, jobs, connections)
    print(json.dumps({"seconds": time.perf_counter() - began, "cpu_s": time.process_time() - cpu, "accept_s": took}), flush=True)


if __name__ == "__main__":
    main()
