"""Starts many jobs over a node's API as fast as it takes them, from a process of its own.

    python test/benchmark/starts.py PORT PATH JOBS CONNECTIONS BATCH BODY    prints "ready", begins at a line on its input

BATCH 0: a request a job; else so many jobs a request, as an array. Prints `{"seconds", "cpu_s"}` as JSON.
"""

import json
import select
import socket
import sys
import time
from collections.abc import Iterator

MOST_BYTES = 1 << 18


def request(port: int, path: str, body: bytes) -> bytes:
    """A whole POST."""
    lines = (f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Content-Type: application/json", f"Content-Length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode() + body


def requests(port: int, path: str, jobs: int, batch: int, body: str) -> Iterator[bytes]:
    """All that are to be sent."""
    whole = request(port, path, (f"[{','.join([body] * batch)}]" if batch else body).encode())
    each = max(1, batch)
    for _ in range(jobs // each):
        yield whole
    if jobs % each:
        yield request(port, path, f"[{','.join([body] * (jobs % each))}]".encode())


def is_whole(answer: bytes) -> bool:
    """Whether a success has come with all of its body; another answer raises."""
    if len(answer) >= 12 and answer[9:10] != b"2":
        raise RuntimeError(f"not accepted: {answer[:2000].decode(errors='replace')}")
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    length = int(answer[:end].lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    return len(answer) - end - 4 >= length


def send_all(port: int, connections: int, waiting: Iterator[bytes]) -> None:
    """One request after another on each connection, until all are answered."""
    clients = {client.fileno(): client for client in (socket.create_connection(("127.0.0.1", port)) for _ in range(connections))}
    epoll, answers = select.epoll(), dict.fromkeys(clients, b"")
    busy = 0
    for descriptor, client in clients.items():
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        epoll.register(descriptor, select.EPOLLIN)
        if (first := next(waiting, None)) is not None:
            client.sendall(first)
            busy += 1
    while busy:
        for descriptor, _ in epoll.poll():
            received = clients[descriptor].recv(MOST_BYTES)
            if not received:
                raise RuntimeError("the node has closed a connection")
            answers[descriptor] += received
            if not is_whole(answers[descriptor]):
                continue
            answers[descriptor] = b""
            following = next(waiting, None)
            if following is None:
                busy -= 1
            else:
                clients[descriptor].sendall(following)


def main() -> None:
    port, path, jobs, connections, batch, body = sys.argv[1:]
    print("ready", flush=True)
    sys.stdin.readline()
    began_s, cpu_s = time.perf_counter(), time.process_time()
    send_all(int(port), int(connections), requests(int(port), path, int(jobs), int(batch), body))
    print(json.dumps({"seconds": time.perf_counter() - began_s, "cpu_s": time.process_time() - cpu_s}), flush=True)


if __name__ == "__main__":
    main()
