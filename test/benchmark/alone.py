"""How long one job takes alone, from its request to its last write: one after another, the machine otherwise idle."""

import socket
import time
from typing import NamedTuple

from clients import accepted, connect, start_request
from hard_floor import pack
from static_service import KEY

from cameron.store import keys

MOST_BYTES = 65536


class Alone(NamedTuple):
    """One job's way, in seconds."""

    accept_s: float  # request to 201
    end_s: float  # request to last write, as a client that polls Redis sees it: one poll (some 50 µs) late at most


def run(port: int, redis_port: int, jobs: int) -> list[Alone]:
    """The times of so many jobs."""
    with connect(port) as node, socket.create_connection(("127.0.0.1", redis_port)) as store:
        store.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return [_one(node, start_request(port), store) for _ in range(jobs)]


def _one(node: socket.socket, request: bytes, store: socket.socket) -> Alone:
    began_s, answer = time.perf_counter(), b""
    node.sendall(request)
    while not accepted(answer):
        answer += node.recv(MOST_BYTES)
    accept_s = time.perf_counter() - began_s
    location = answer.lower().partition(b"location: ")[2].partition(b"\r\n")[0].decode()
    ask = pack("HGET", keys.job("foo", KEY, location.rpartition("/")[2]), "job.status.current")
    status = b""
    while b"done" not in status:
        if b"error" in status:
            raise RuntimeError(f"the job at {location} has failed")
        store.sendall(ask)
        status = store.recv(MOST_BYTES)
    return Alone(accept_s, time.perf_counter() - began_s)
