"""The hard floor: the calls and the Redis commands of foo jobs as Cameron makes them, replayed at the least cost there is.

    python test/benchmark/hard_floor.py RECORDING REDIS_PORT    prints "ready"; for each line "JOBS AT_ONCE" on its input, its figures

Kept of Cameron is what cannot be left out: the order (no call before the commit that it follows from, no commit before the replies that it
records), group commits, entries read from the queue, kept-alive connections. All commands are packed beforehand, and a job's uuid is put
into the bytes; requests are built beforehand, too. It parses no reply, reads no clock, decides nothing, and its epoll loop is written for
this. Nobody would write it so by hand: see `plain_floor.py` for what one would write.
"""

import gc
import json
import select
import socket
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import hiredis
import pycurl
from recording import ENTRY, UUID, Command, Recording

MOST_BYTES = 1 << 20
_MASKS = {
    pycurl.POLL_NONE: 0,
    pycurl.POLL_IN: select.EPOLLIN,
    pycurl.POLL_OUT: select.EPOLLOUT,
    pycurl.POLL_INOUT: select.EPOLLIN | select.EPOLLOUT,
}


def pack(*words: str | bytes) -> bytes:
    """A command as Redis takes it."""
    packed: bytes = hiredis.pack_command(words)  # type: ignore[arg-type]  # its stub says: one word
    return packed


class Step:
    """One command, packed, with the placeholders in it."""

    __slots__ = ("calls", "packed", "replies", "words")

    def __init__(self, command: Command) -> None:
        words = tuple(word.encode("latin-1") for word in command.words)
        self.words = words if ENTRY.encode() in words else None  # to be packed for each job, as an entry's length varies
        self.packed = pack(*words)
        self.replies, self.calls = frozenset(command.replies), command.calls


class Job:
    """One job on its way through its steps."""

    __slots__ = ("arrived", "at", "began_s", "entry", "steps", "uuid")

    def __init__(self, steps: list[Step]) -> None:
        self.steps, self.uuid = steps, uuid.uuid4().hex.encode()
        self.at, self.arrived, self.entry, self.began_s = 0, set[str](), b"", time.perf_counter()

    def next_packed(self) -> bytes:
        """The next command."""
        step = self.steps[self.at]
        packed = step.packed
        if step.words:
            packed = pack(*(self.entry if word == ENTRY.encode() else word for word in step.words))
        return packed.replace(UUID.encode(), self.uuid)


class Calls:
    """libcurl's multi interface on an epoll, easy handles used again and again."""

    def __init__(self, recording: Recording) -> None:
        self._requests = {
            task: (request.url, [header.encode() for header in [*request.headers, "Expect:"]], request.body.encode())
            for task, request in recording.requests.items()
        }
        self._idle: list[Any] = []
        self._of: dict[Any, tuple[Job, str]] = {}
        self._bodies: dict[Any, list[bytes]] = {}
        self._watched: set[int] = set()
        self._deadline_s: float | None = None
        self._epoll = select.epoll()
        self._multi: Any = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)

    def start(self, job: Job, task: str) -> None:
        """Begin a call."""
        url, headers, body = self._requests[task]
        curl = self._idle.pop() if self._idle else self._new()
        curl.setopt(pycurl.URL, url)
        curl.setopt(pycurl.HTTPHEADER, [header.replace(UUID.encode(), job.uuid) for header in headers])
        curl.setopt(pycurl.POSTFIELDS, body)
        self._of[curl] = job, task
        self._multi.add_handle(curl)

    def poll(self, wait: bool) -> list[tuple[Job, str]]:
        """What has been answered since; with `wait` it is waited for."""
        wait_s = 0.0 if not wait else 1.0 if self._deadline_s is None else max(0.0, self._deadline_s - time.monotonic())
        for descriptor, mask in self._epoll.poll(wait_s):
            happened = (pycurl.CSELECT_IN if mask & select.EPOLLIN else 0) | (pycurl.CSELECT_OUT if mask & select.EPOLLOUT else 0)
            self._multi.socket_action(descriptor, happened)
        if self._deadline_s is not None and time.monotonic() >= self._deadline_s:
            self._deadline_s = None
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        done: list[tuple[Job, str]] = []
        left = 1
        while left:
            left, whole, broken = self._multi.info_read()
            if broken:
                raise RuntimeError(f"a call has failed: {broken[0][2]}")
            for curl in whole:
                self._multi.remove_handle(curl)
                if curl.getinfo(pycurl.RESPONSE_CODE) != 200 or not b"".join(self._bodies[curl]):
                    raise RuntimeError("a call was answered otherwise than with 200 and a body")
                self._bodies[curl].clear()
                done.append(self._of.pop(curl))
                self._idle.append(curl)
        return done

    def _new(self) -> Any:
        curl = pycurl.Curl()
        for option, value in ((pycurl.NOSIGNAL, 1), (pycurl.PROXY, ""), (pycurl.TCP_NODELAY, 1), (pycurl.POST, 1)):
            curl.setopt(option, value)
        self._bodies[curl] = []
        curl.setopt(pycurl.WRITEFUNCTION, self._bodies[curl].append)
        return curl

    def _watch(self, what: int, descriptor: int, _multi: Any, _data: Any) -> None:
        if what == pycurl.POLL_REMOVE:
            self._watched.discard(descriptor)
            self._epoll.unregister(descriptor)
        elif descriptor in self._watched:
            self._epoll.modify(descriptor, _MASKS[what])
        else:
            self._watched.add(descriptor)
            self._epoll.register(descriptor, _MASKS[what])

    def _set_timer(self, timeout_ms: int) -> None:
        self._deadline_s = None if timeout_ms < 0 else time.monotonic() + timeout_ms / 1000


class Floor:
    """Runs recorded jobs, `at_once` of them at a time, on one connection to Redis."""

    def __init__(self, recording: Recording, redis_port: int) -> None:
        self._steps = [[Step(command) for command in job] for job in recording.jobs]
        self._calls = Calls(recording)
        self._redis = socket.create_connection(("127.0.0.1", redis_port))
        self._redis.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = hiredis.Reader()
        queue = recording.jobs[0][0].words[5]  # the third key of `accept`
        self._read_queue = pack("XREADGROUP", "GROUP", "cameron", "floor", "COUNT", "1000", "STREAMS", queue, ">")
        self._ask(("FLUSHALL",), ("XGROUP", "CREATE", queue, "cameron", "0", "MKSTREAM"))
        self._outbox: list[bytes] = []
        self._sent: list[tuple[Job, Step] | None] = []  # whose command each in the outbox is; None reads the queue
        self._by_uuid: dict[bytes, Job] = {}
        self._took_s: list[float] = []

    def run(self, jobs: int, at_once: int) -> list[float]:
        """Seconds from a job's first command to the answer of its last, of each job."""
        self._took_s, started = [], 0
        while len(self._took_s) < jobs:
            if started < jobs and len(self._by_uuid) < at_once:
                while started < jobs and len(self._by_uuid) < at_once:
                    self._begin(Job(self._steps[started % len(self._steps)]))
                    started += 1
                self._outbox.append(self._read_queue)
                self._sent.append(None)
            sent, self._sent = self._sent, []
            if sent:
                self._redis.sendall(b"".join(self._outbox))
                self._outbox.clear()
            for job, task in self._calls.poll(wait=not sent):
                job.arrived.add(task)
                self._go_on(job)
            self._take_answers(sent)
        return self._took_s

    def _begin(self, job: Job) -> None:
        self._by_uuid[job.uuid] = job
        self._send(job)

    def _send(self, job: Job) -> None:
        self._outbox.append(job.next_packed())
        self._sent.append((job, job.steps[job.at]))
        job.at += 1

    def _go_on(self, job: Job) -> None:
        """Send what can be: the next command whose replies are all there."""
        while job.at < len(job.steps) and job.steps[job.at].replies <= job.arrived:
            step = job.steps[job.at]
            self._send(job)
            if not step.replies:  # follows from nothing that is not recorded: called at once
                self._call(job, step)

    def _call(self, job: Job, step: Step) -> None:
        for task in step.calls:
            self._calls.start(job, task)

    def _take_answers(self, sent: list[tuple[Job, Step] | None]) -> None:
        for command in sent:
            answer = self._answer()
            if command is None:
                self._take_entries(answer)
            elif answer in (b"accepted", b"applied"):
                self._applied(*command)
            else:
                raise RuntimeError(f"redis answers {answer!r}")

    def _applied(self, job: Job, step: Step) -> None:
        if step.replies:
            self._call(job, step)
        if step is job.steps[-1]:
            del self._by_uuid[job.uuid]
            self._took_s.append(time.perf_counter() - job.began_s)

    def _take_entries(self, answer: Any) -> None:
        for _, entries in answer or ():
            for entry, fields in entries:
                job = self._by_uuid[fields[fields.index(b"uuid") + 1]]
                job.entry = entry
                self._go_on(job)

    def _answer(self) -> Any:
        while (answer := self._reader.gets()) is False:
            self._reader.feed(self._redis.recv(MOST_BYTES))
        return answer

    def _ask(self, *commands: tuple[str, ...]) -> None:
        self._redis.sendall(b"".join(pack(*command) for command in commands))
        for command in commands:
            if self._answer() != b"OK":
                raise RuntimeError(f"redis does not take {command}")


class Runs(Protocol):
    """A floor, set up."""

    def run(self, jobs: int, at_once: int) -> list[float]: ...


def obey(floor: Callable[[Recording, int], Runs]) -> None:
    """A floor's program: set it up, and run the jobs that are asked for on its input."""
    ready = floor(Recording.from_json(json.loads(Path(sys.argv[1]).read_text())), int(sys.argv[2]))
    print("ready", flush=True)
    for line in sys.stdin:
        jobs, at_once = map(int, line.split())
        gc.collect()
        began, cpu = time.perf_counter(), time.process_time()
        took = ready.run(jobs, at_once)
        print(json.dumps({"seconds": time.perf_counter() - began, "cpu_s": time.process_time() - cpu, "took_s": took}), flush=True)


if __name__ == "__main__":
    obey(Floor)
