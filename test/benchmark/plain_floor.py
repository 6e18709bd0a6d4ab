"""The plain floor: foo jobs by a loop as one would write it by hand with the ordinary libraries: pycurl, json, redis-py; no engine.

    python test/benchmark/plain_floor.py RECORDING REDIS_PORT    prints "ready"; for each line "JOBS AT_ONCE" on its input, its figures

It waits in CurlMulti's own select() and perform(), parses each reply, calls what its next_activities name, builds each command for its job
(uuid, times, the replies' data as compact JSON) and sends what has gathered through redis-py's pipeline. The commands are Cameron's: as
many, in its order, of the same sizes; so are the calls. Left out: start requests (a job begins with its first write), checks of anything
but the status, deadlines, retries, cancelling, other processes and dialects, another node's work, logs.
"""

import json
import re
import time
import uuid
from collections.abc import Callable
from io import BytesIO
from typing import Any, NamedTuple

import pycurl
import redis
from hard_floor import obey
from recording import ENTRY, UUID, Command, Recording
from static_service import KEY

SELECT_S = 1.0
TIMEOUT_S = 10.0
_TIME = re.compile(r"\d\d-\d\d-\d{4} \d\d:\d\d:\d\d")
_MILLISECONDS = re.compile(r"\d{13}")
_OUTPUT = re.compile(r"task\.(.+)\.output\.(data|next_activities)")


def compact(value: Any) -> str:
    """JSON as Cameron stores and sends it."""
    return json.dumps(value, separators=(",", ":"))


class Job:
    """One job on its way through its commands."""

    def __init__(self, steps: "list[Step]") -> None:
        self.steps, self.uuid = steps, uuid.uuid4().hex
        self.at, self.entry, self.began_s = 0, "", time.perf_counter()
        self.replies: dict[str, dict[str, Any]] = {}
        self.calls: dict[str, tuple[str, str]] = {}  # the URL and the body that a task is called with

    def take(self, task: str, reply: dict[str, Any]) -> None:
        """A task's reply, and the tasks that follow from it."""
        self.replies[task] = reply
        following = (reply.get("next_activities") or {}).get("definitions", ())
        if following:
            body = compact({"key": KEY, "data": reply["data"], "requestor": reply["name"]})
            self.calls |= {definition["name"]: (definition["url"], body) for definition in following}


class Now(NamedTuple):
    """The time, as it is written."""

    text: str
    ms: str


Fill = Callable[[Job, Now], str]


class Step:
    """One command; what differs from job to job is built for each."""

    def __init__(self, command: Command) -> None:
        self.replies, self.calls = frozenset(command.replies), command.calls
        before = ["", *command.words]
        self._words = [(word, _fill(word, field)) for field, word in zip(before, command.words, strict=False)]

    def words(self, job: Job, now: Now) -> list[str]:
        """The command for a job."""
        return [fill(job, now) if fill else word for word, fill in self._words]


def _fill(word: str, field: str) -> Fill | None:
    """What builds a word of the recorded command anew for each job; None where it is the same for all."""
    if output := _OUTPUT.fullmatch(field):
        return _output(*output.groups())
    if word == ENTRY:
        return lambda job, now: job.entry
    if UUID in word:
        return lambda job, now: word.replace(UUID, job.uuid)
    if _TIME.fullmatch(word):
        return lambda job, now: now.text
    if _MILLISECONDS.fullmatch(word):
        return lambda job, now: now.ms
    return None


def _output(task: str, what: str) -> Fill:
    def fill(job: Job, now: Now) -> str:
        replied = job.replies[task].get(what)
        return "undefined" if replied is None else compact(replied)

    return fill


class Calls:
    """libcurl's multi interface, easy handles used again and again."""

    def __init__(self, headers: dict[str, list[str]]) -> None:
        self._headers = headers
        self._multi: Any = pycurl.CurlMulti()
        self._idle: list[Any] = []
        self._under_way: dict[Any, tuple[Job, str, BytesIO]] = {}

    def start(self, job: Job, task: str) -> None:
        """Begin a call."""
        curl = self._idle.pop() if self._idle else self._new()
        url, body = job.calls[task]
        reply = BytesIO()
        curl.setopt(pycurl.URL, url)
        curl.setopt(pycurl.HTTPHEADER, [header.replace(UUID, job.uuid) for header in self._headers[task]])
        curl.setopt(pycurl.POSTFIELDS, body)
        curl.setopt(pycurl.WRITEDATA, reply)
        self._under_way[curl] = job, task, reply
        self._multi.add_handle(curl)

    def wait(self, wait: bool) -> list[tuple[Job, str, dict[str, Any]]]:
        """The replies that have come; with `wait` there is one at least."""
        while True:
            while self._multi.perform()[0] == pycurl.E_CALL_MULTI_PERFORM:
                pass
            done = self._done()
            if done or not wait:
                return done
            self._multi.select(SELECT_S)

    def _done(self) -> list[tuple[Job, str, dict[str, Any]]]:
        replies = []
        left = 1
        while left:
            left, whole, broken = self._multi.info_read()
            if broken:
                raise RuntimeError(f"a call has failed: {broken[0][2]}")
            for curl in whole:
                self._multi.remove_handle(curl)
                self._idle.append(curl)
                job, task, reply = self._under_way.pop(curl)
                if curl.getinfo(pycurl.RESPONSE_CODE) != 200:
                    raise RuntimeError(f"{task} was answered {curl.getinfo(pycurl.RESPONSE_CODE)}")
                replies.append((job, task, json.loads(reply.getvalue())))
        return replies

    def _new(self) -> Any:
        curl = pycurl.Curl()
        for option, value in ((pycurl.NOSIGNAL, 1), (pycurl.PROXY, ""), (pycurl.POST, 1)):
            curl.setopt(option, value)
        return curl


class PlainFloor:
    """Runs foo jobs, `at_once` of them at a time, on one connection to Redis."""

    def __init__(self, recording: Recording, redis_port: int) -> None:
        self._steps = [[Step(command) for command in job] for job in recording.jobs]
        start = recording.requests["start"]
        self._start = start.url, start.body
        self._calls = Calls({task: [*request.headers, "Expect:"] for task, request in recording.requests.items()})
        self._redis = redis.Redis(port=redis_port, decode_responses=True, socket_timeout=TIMEOUT_S)
        self._queue = recording.jobs[0][0].words[5]  # the third key of `accept`
        self._redis.flushall()
        self._redis.xgroup_create(self._queue, "cameron", "0", mkstream=True)
        self._by_uuid: dict[str, Job] = {}
        self._outbox: list[tuple[Job, Step]] = []
        self._took_s: list[float] = []

    def run(self, jobs: int, at_once: int) -> list[float]:
        """Seconds from a job's first command to the answer of its last, of each job."""
        self._took_s, started = [], 0
        while len(self._took_s) < jobs:
            begun = min(jobs - started, at_once - len(self._by_uuid))
            for number in range(started, started + begun):
                self._begin(Job(self._steps[number % len(self._steps)]))
            started += begun
            if self._outbox:
                self._commit(read_queue=begun > 0)
            for job, task, reply in self._calls.wait(wait=not self._outbox and bool(self._by_uuid)):
                job.take(task, reply)
                self._go_on(job)
        return self._took_s

    def _begin(self, job: Job) -> None:
        self._by_uuid[job.uuid] = job
        job.calls["start"] = self._start
        self._write(job)

    def _write(self, job: Job) -> None:
        self._outbox.append((job, job.steps[job.at]))
        job.at += 1

    def _go_on(self, job: Job) -> None:
        """Write what can be: the next command whose replies are all there."""
        while job.at < len(job.steps) and job.steps[job.at].replies <= job.replies.keys():
            step = job.steps[job.at]
            self._write(job)
            if not step.replies:  # follows from nothing that is not recorded: called at once
                self._release(job, step)

    def _release(self, job: Job, step: Step) -> None:
        for task in step.calls:
            self._calls.start(job, task)

    def _commit(self, read_queue: bool) -> None:
        """All that has gathered, in one pipeline; then the calls that follow from it."""
        outbox, self._outbox = self._outbox, []
        clock_s = time.time()
        now = Now(time.strftime("%m-%d-%Y %H:%M:%S", time.localtime(clock_s)), str(int(clock_s * 1000)))
        pipeline = self._redis.pipeline(transaction=False)
        for job, step in outbox:
            pipeline.execute_command(*step.words(job, now))
        if read_queue:
            pipeline.xreadgroup("cameron", "floor", {self._queue: ">"}, count=1000)
        answers = pipeline.execute()
        for (job, step), answer in zip(outbox, answers, strict=False):
            if answer not in ("accepted", "applied"):
                raise RuntimeError(f"redis answers {answer!r}")
            if step.replies:
                self._release(job, step)
            if step is job.steps[-1]:
                del self._by_uuid[job.uuid]
                self._took_s.append(time.perf_counter() - job.began_s)
        if read_queue:
            self._take_entries(answers[-1])

    def _take_entries(self, streams: Any) -> None:
        pages = streams.values() if isinstance(streams, dict) else [entries for _, entries in streams]
        for page in pages:
            for entry, fields in page:
                job = self._by_uuid[fields["uuid"]]
                job.entry = entry
                self._go_on(job)


if __name__ == "__main__":
    obey(PlainFloor)
