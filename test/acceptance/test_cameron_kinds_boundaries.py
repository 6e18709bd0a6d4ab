"""Programs, waits and delays when their node stops, dies or is killed at a boundary: nothing is lost, and hardly anything is done again.

The points are named in cameron/fault.py; those on the way of every job are passed in test_cameron_boundaries.py.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from .support.answer import http, reply
from .support.crowd import start_all
from .support.job import Job
from .support.node import Node, definitions
from .support.peers import drained, name_of, through
from .support.redis_server import RedisServer
from .support.refusal import assert_json_error
from .support.service import Call, Service
from .support.waiting import eventually

SH = "/bin/sh"
LEASE_S = 0.6
SHORT = {
    "CAMERON_NODE_LEASE_S": str(LEASE_S),
    "CAMERON_NODE_SHUTDOWN_S": "0.3",
    "CAMERON_REDIS_TIMEOUT_S": "2",
    "CAMERON_COMMANDS_ALLOWED_BINARIES": SH,
    "CAMERON_COMMANDS_KILL_AFTER_S": "0.3",
}
QUICK_S = 15.0  # what counts as at once on a machine that is busy
LONG_STOP = {"CAMERON_NODE_SHUTDOWN_S": "120"}
START_S = 20.0  # that a node may take to start on a machine that is busy
MANY = 200

MAY_ANSWER = {  # of a callback's statuses, 0 for none
    ("callback.written", "kill"): (0,),
    ("callback.written", "raise"): (503,),
    ("job.signalled", "kill"): (0, 200),
    ("job.signalled", "raise"): (200,),
    ("callback.read", "kill"): (0, 200),
    ("callback.read", "raise"): (200,),
}

MakeNode = Callable[..., Node]


@pytest.fixture
def make(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service) -> Iterator[MakeNode]:
    """Start nodes on the session's Redis, which is empty at first; they end with the test."""
    with redis.client() as client:
        client.flushall()
    service.forget()
    with ExitStack() as stack:

        def started(**settings: str) -> Node:
            url, options = service.url("start"), {"once": "{at_most_once, true}"}
            processes = definitions({"scripted": url, "once": url}, options)
            made = Node(tmp_path_factory.mktemp("node"), redis.url, processes, {**SHORT, **settings})
            stack.callback(made.stop)
            return made.start()

        yield started


@pytest.fixture
def marks(tmp_path: Path) -> Iterator[Path]:
    """Where programs write down who they are; those that a killed node has left behind end with the test."""
    file = tmp_path / "marks"
    yield file
    for line in lines(file):
        with suppress(OSError):
            os.killpg(int(line.split()[0]), signal.SIGKILL)


def lines(file: Path) -> list[str]:
    """What programs have written down so far."""
    return file.read_text().splitlines() if file.exists() else []


def lives(pid: str) -> bool:
    """Whether the process is there, and no mere entry of one that has ended."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def keys_in(file: Path) -> Counter[str]:
    """How often a program has run, by idempotency key."""
    return Counter(line.split(maxsplit=1)[1] for line in lines(file))


def program(file: Path, then: str, **members: Any) -> dict[str, Any]:
    """A next activity that writes down its process group and its idempotency key, and then goes on as the script says."""
    script = f'echo "$$ $CAMERON_IDEMPOTENCY_KEY" >> "$1"; {then}'
    return {"name": "run", "kind": "command", "command": [SH, "-c", script, "script", str(file)], **members}


def held(file: Path) -> str:
    """A script that ends once there is a file of that name."""
    return f"while [ ! -e '{file}' ]; do sleep 0.05; done"


def waits(url: str = "", timeout_s: float = 600) -> dict[str, Any]:
    """A next activity that waits for its callback."""
    return {"name": "asked", "kind": "wait", "timeout_s": timeout_s} | ({"url": url} if url else {})


def delay(delay_s: float) -> dict[str, Any]:
    """A next activity that lets time pass."""
    return {"name": "pause", "kind": "delay", "delay_s": delay_s}


def script(service: Service, *activities: dict[str, Any]) -> None:
    """Let jobs go on with those activities, one after another; `after`, if it is among them, is called."""
    service.on("start", reply(1, next_activities={"parallelizable": "no", "definitions": list(activities)}))
    service.on("ask", http(202, b""))
    service.on("after", reply("after"))


def calls(service: Service, activity: str) -> list[Call]:
    """The calls of an activity."""
    return [call for call in service.all_calls() if call.activity == activity]


def asked(service: Service, node: Node) -> tuple[Job, str]:
    """A job that waits, and the URL that its service was told."""
    script(service, waits(service.url("ask")))
    job = node.job("scripted", {"key": "k"})
    [call] = eventually(lambda: calls(service, "ask"), "the call")
    job.told("callback")
    return job, call.headers["x-cameron-callback"]


def send(url: str, node: Node) -> int:
    """POST the callback to that node; its answer's status, 0 where it died over it."""
    with suppress(requests.RequestException):
        return requests.post(node.url + urlsplit(url).path, data=b'{"data": "yes"}', timeout=30).status_code
    return 0


def struck(node: Node, point: str, action: str) -> None:
    """Wait until the node has met its fault; one that it has killed is ended."""
    eventually(lambda: f"CAMERON_FAULT: {point}, passage" in node.output(), f"{point} to be passed")
    if action == "kill":
        assert node.wait() == -9


def start_again(node: Node) -> None:
    """Start it once more, without its fault."""
    node.without("CAMERON_FAULT")
    node.start()


def nothing_left(node: Node) -> None:
    """The queue is empty."""
    assert node.store.xlen("cameron:queue:scripted") == 0
    assert node.store.xpending("cameron:queue:scripted", "cameron")["pending"] == 0


# an orderly stop


def stopped(node: Node) -> float:
    """SIGTERM; how long it took to end, in order, in seconds."""
    began = time.monotonic()
    assert node.terminate() == 0
    assert "Traceback" not in node.output()
    return time.monotonic() - began


def test_a_stop_ends_programs_with_their_children_and_the_next_start_runs_them_again(
    make: MakeNode, service: Service, tmp_path: Path, marks: Path
) -> None:
    node, gate = make(), tmp_path / "gate"
    script(service, program(marks, f'trap "" TERM; sleep 600 & echo "$! child" >> "$1"; {held(gate)}'))
    job = node.job("scripted", {"key": "k"})
    eventually(lambda: len(lines(marks)) == 2, "the program and its child to run")
    assert stopped(node) < QUICK_S
    eventually(lambda: not any(lives(line.split()[0]) for line in lines(marks)), "both to be gone")
    assert (job.status, job.field("task.run.status.current")) == ("running", "running")
    gate.touch()
    node.start()
    job.done()
    assert keys_in(marks) == {f"{job.uuid}/run": 2, "child": 2}
    nothing_left(node)


def test_a_program_that_ends_within_the_time_of_a_stop_is_not_run_again(make: MakeNode, service: Service, marks: Path) -> None:
    node = make(**LONG_STOP)
    script(service, program(marks, "sleep 0.7; echo in time"))
    job = node.job("scripted", {"key": "k"})
    eventually(lambda: lines(marks), "the program to run")
    assert stopped(node) < QUICK_S
    node.start()
    job.done()
    assert job.tasks()["run"]["data"]["stdout"] == "in time\n"
    assert keys_in(marks) == {f"{job.uuid}/run": 1}


def test_a_program_goes_on_elsewhere_when_its_node_stops(make: MakeNode, service: Service, tmp_path: Path, marks: Path) -> None:
    node, other, gate = make(), make(), tmp_path / "gate"
    script(service, program(marks, held(gate)))
    jobs = [node.job("scripted", {"key": f"k{number}"}) for number in range(6)]
    eventually(lambda: len(lines(marks)) == len(jobs), "the programs to run")
    assert stopped(node) < QUICK_S
    gate.touch()
    for job in jobs:
        through(other, job).done()
    assert keys_in(marks).keys() == {f"{job.uuid}/run" for job in jobs}
    assert set(keys_in(marks).values()) <= {1, 2}
    nothing_left(other)


def test_programs_that_wait_for_a_turn_at_a_stop_run_once(make: MakeNode, service: Service, tmp_path: Path, marks: Path) -> None:
    node, gate = make(CAMERON_COMMANDS_MAX_COMMANDS="1"), tmp_path / "gate"
    script(service, program(marks, held(gate)))
    jobs = [node.job("scripted", {"key": f"k{number}"}) for number in range(5)]
    eventually(lambda: lines(marks), "the first program to run")
    eventually(lambda: all(job.field("task.run.status.current") == "running" for job in jobs), "the others to wait for their turn")
    [first] = keys_in(marks)
    assert stopped(node) < QUICK_S
    gate.touch()
    node.start()
    for job in jobs:
        job.done()
    assert keys_in(marks) == {f"{job.uuid}/run": 1 for job in jobs} | {first: 2}


def test_a_node_that_drains_ends_its_programs_and_another_runs_them(make: MakeNode, service: Service, tmp_path: Path, marks: Path) -> None:
    node, gate = make(), tmp_path / "gate"
    script(service, program(marks, held(gate)))
    job = node.job("scripted", {"key": "k"})
    eventually(lambda: lines(marks), "the program to run")
    drained(node)
    eventually(lambda: not lives(lines(marks)[0].split()[0]), "the program to be ended")
    gate.touch()
    other = make()
    through(other, job).done()
    assert keys_in(marks) == {f"{job.uuid}/run": 2}
    assert node.running


def test_waits_and_delays_hold_up_no_stop_and_go_on_afterwards(make: MakeNode, service: Service) -> None:
    node = make(**LONG_STOP)
    script(service, waits(service.url("ask")), delay(1), {"name": "after", "url": service.url("after")})
    job = node.job("scripted", {"key": "k"})
    [call] = eventually(lambda: calls(service, "ask"), "the call")
    url = call.headers["x-cameron-callback"]
    job.told("callback")
    assert stopped(node) < QUICK_S
    node.start()
    assert send(url, node) == 200
    eventually(lambda: job.statuses().get("pause") == "running", "the delay")
    assert stopped(node) < QUICK_S
    node.start()
    job.done()
    assert Counter(call.activity for call in service.all_calls()) == {"start": 1, "ask": 1, "after": 1}


def test_200_waiting_jobs_hold_no_thread_and_are_handed_back_at_once(make: MakeNode, service: Service) -> None:
    node = make(**LONG_STOP)

    def threads() -> int:
        return len(os.listdir(f"/proc/{node.child.pid}/task"))

    script(service, waits(timeout_s=600))
    before = threads()
    started = start_all(node.port, "scripted", [{"key": f"k{number}"} for number in range(MANY)], 10)
    jobs = [node.at(answer.location) for answer in started]
    eventually(lambda: all(job.field("task.asked.status.current") == "running" for job in jobs), "all to wait", 60, every_s=0.1)
    assert threads() <= before + 5
    urls = [job.explained()["callbacks"]["asked"] for job in jobs]
    assert stopped(node) < QUICK_S
    nobody = node.store.xpending("cameron:queue:scripted", "cameron")["pending"]
    assert (node.store.xlen("cameron:queue:scripted"), nobody) == (MANY, 0)
    node.start()
    assert {send(url, node) for url in urls} == {200}
    for job in jobs:
        job.done(60)
    assert len(calls(service, "start")) == MANY
    nothing_left(node)


# a callback, and a node that dies over it


@pytest.mark.parametrize("action", ["kill", "raise"])
@pytest.mark.parametrize("point", ["callback.written", "job.signalled", "callback.read"])
def test_a_callback_over_which_its_one_node_dies_counts(make: MakeNode, service: Service, point: str, action: str) -> None:
    node = make(CAMERON_FAULT=f"{point}={action}")
    job, url = asked(service, node)
    answered = send(url, node)
    struck(node, point, action)
    if action == "kill":
        start_again(node)
    job.done()
    assert job.tasks()["asked"]["data"] == "yes"
    assert answered in MAY_ANSWER[point, action]
    assert assert_json_error(requests.post(node.url + urlsplit(url).path, data=b"{}", timeout=30), 409)["code"] == "callback_used"
    assert Counter(call.activity for call in service.all_calls()) == {"start": 1, "ask": 1}
    nothing_left(node)


@pytest.mark.parametrize("action", ["kill", "raise"])
@pytest.mark.parametrize("point", ["job.signalled", "callback.read"])
def test_a_callback_that_another_node_took_counts_though_the_holder_dies_over_it(
    make: MakeNode, service: Service, point: str, action: str
) -> None:
    holder = make(CAMERON_FAULT=f"{point}={action}")
    job, url = asked(service, holder)
    other = make()
    assert send(url, other) == 200
    struck(holder, point, action)
    job = through(other, job).done()
    assert job.tasks()["asked"]["data"] == "yes"
    assert Counter(call.activity for call in service.all_calls()) == {"start": 1, "ask": 1}
    nothing_left(other)


def test_a_callback_counts_though_the_node_dies_that_took_it_for_another(make: MakeNode, service: Service) -> None:
    holder = make()
    job, url = asked(service, holder)
    taker = make(CAMERON_FAULT="callback.written")
    assert send(url, taker) == 0
    struck(taker, "callback.written", "kill")
    job.done()
    assert job.tasks()["asked"]["data"] == "yes"
    assert send(url, holder) == 409
    assert len(calls(service, "ask")) == 1


def test_the_callbacks_of_many_jobs_count_whose_node_dies_amid_them(make: MakeNode, service: Service) -> None:
    holder, other = make(CAMERON_FAULT="callback.read:5"), make()
    script(service, waits(timeout_s=600))
    jobs = [holder.job("scripted", {"key": f"k{number}"}) for number in range(20)]
    urls = [eventually(lambda job=job: job.explained().get("callbacks"), "it to wait")["asked"] for job in jobs]  # type: ignore[misc]
    assert {send(url, other) for url in urls} == {200}
    eventually(lambda: all(through(other, job).ended().status == "done" for job in jobs), "all to be done")
    assert len(calls(service, "start")) == len(jobs)
    nothing_left(other)


# programs, and a node that dies over them


def run_all(node: Node, service: Service, marks: Path, count: int = 5) -> list[Job]:
    """Start jobs of a program each, which ends soon; a job is accepted, or its node has died."""
    script(service, program(marks, "echo fine"), {"name": "after", "url": service.url("after")})
    jobs = []
    for number in range(count):
        with suppress(requests.RequestException):
            jobs.append(node.job("scripted", {"key": f"k{number}"}))
    return jobs


def all_ran_well(node: Node, service: Service, jobs: list[Job], marks: Path) -> None:
    """Each job is done, once; its program has run at most once more, with the same key."""
    assert jobs
    for job in jobs:
        through(node, job).done()
        assert through(node, job).tasks()["run"]["data"]["stdout"] == "fine\n"
    ran = keys_in(marks)
    assert ran.keys() >= {f"{job.uuid}/run" for job in jobs}
    assert {key: times for key, times in ran.items() if times > 2} == {}
    afterwards = Counter(call.headers["idempotency-key"] for call in calls(service, "after"))
    assert set(afterwards.values()) <= {1, 2}
    eventually(lambda: node.store.xlen("cameron:queue:scripted") == 0, "nothing to be left in the queue")


@pytest.mark.parametrize("passage", [1, 3])
@pytest.mark.parametrize("action", ["kill", "raise"])
@pytest.mark.parametrize("point", ["command.started", "command.ended"])
def test_programs_over_which_their_one_node_dies_run_at_most_once_more(
    make: MakeNode, service: Service, marks: Path, point: str, action: str, passage: int
) -> None:
    node = make(CAMERON_FAULT=f"{point}:{passage}={action}")
    jobs = run_all(node, service, marks)
    struck(node, point, action)
    if action == "kill":
        start_again(node)
    all_ran_well(node, service, jobs, marks)
    assert node.running


@pytest.mark.parametrize("point", ["command.started", "command.ended"])
def test_programs_over_which_their_node_dies_run_at_most_once_more_elsewhere(
    make: MakeNode, service: Service, marks: Path, point: str
) -> None:
    node, other = make(CAMERON_FAULT=f"{point}:2"), make()
    service.on("start", reply(1))
    drained(other)
    jobs = run_all(node, service, marks)
    struck(node, point, "kill")
    assert other.post(f"/api/system/nodes/{name_of(other)}/resume", b"").status_code < 300
    all_ran_well(other, service, jobs, marks)


@pytest.mark.parametrize("point", ["command.started", "command.ended"])
def test_a_program_that_may_run_but_once_is_an_error_after_its_node_died_over_it(
    make: MakeNode, service: Service, marks: Path, point: str
) -> None:
    node = make(CAMERON_FAULT=point)
    script(service, program(marks, "echo fine"))
    job = node.job("once", {"key": "k"})
    struck(node, point, "kill")
    start_again(node)
    job.ended()
    assert job.statuses()["run"] == "error"
    assert "called at most once" in str(job.error("run"))
    assert keys_in(marks).total() <= 1


def test_a_program_of_a_killed_node_runs_again_elsewhere(make: MakeNode, service: Service, tmp_path: Path, marks: Path) -> None:
    node, gate = make(), tmp_path / "gate"
    script(service, program(marks, held(gate) + "; echo fine"))
    job = node.job("scripted", {"key": "k"})
    eventually(lambda: lines(marks), "the program to run")
    other = make()
    node.kill()
    eventually(lambda: len(lines(marks)) == 2, "it to run again")
    gate.touch()
    assert through(other, job).done().tasks()["run"]["data"]["stdout"] == "fine\n"
    assert keys_in(marks) == {f"{job.uuid}/run": 2}


def test_a_program_that_kills_its_node_each_time_is_given_up(make: MakeNode, service: Service, marks: Path) -> None:
    node = make(CAMERON_JOB_MAX_CRASHES="3")
    script(service, program(marks, "kill -9 $PPID; sleep 600"))
    job = node.job("scripted", {"key": "k"})
    deaths = 0

    def given_up() -> bool:
        nonlocal deaths
        if not node.running:
            deaths += 1
            node.launch()
        return job.status == "error"

    eventually(given_up, "the job to be given up", 60)
    eventually(node.healthy, "the node to live")
    assert deaths == 3
    assert (job.status, job.statuses()["run"]) == ("error", "error")
    assert "has died 3 times while task 'run' was called" in str(job.error("run"))
    assert keys_in(marks) == {f"{job.uuid}/run": 3}
    assert [entry["task"] for entry in node.get("/api/process/scripted/dead").json()["jobs"]] == ["run"]


# waits and delays that outlive their node


class Timed:
    """A job whose second task waits for its callback in vain, or lets time pass, and which calls `after` then."""

    def __init__(self, service: Service, node: Node, activity: dict[str, Any], lasts_s: float) -> None:
        self._service, self._lasts_s = service, lasts_s
        script(service, activity, {"name": "after", "url": service.url("after")})
        self.job = node.job("scripted", {"key": "k"})
        self.task = str(activity["name"])
        eventually(lambda: self.job.field(f"task.{self.task}.status.current") == "running", "it to begin")

    def ends_in_time(self, node: Node, again_at_s: float = 0.0) -> Job:
        """Not before its time, and soon after that or after somebody was there again to see to it (monotonic)."""
        job = through(node, self.job).ended()
        [start], [after] = calls(self._service, "start"), calls(self._service, "after")
        assert start.replied is not None
        due_s = start.replied + self._lasts_s
        assert after.arrived >= due_s - 0.1  # clocks are measured
        assert after.arrived <= max(due_s, again_at_s) + LEASE_S + 2 + START_S
        return job


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_delay_ends_at_its_time_though_its_node_was_killed(make: MakeNode, service: Service, elsewhere: bool) -> None:
    node = make()
    timed = Timed(service, node, delay(3), 3)
    going_on = make() if elsewhere else node
    node.kill()
    if not elsewhere:
        node.start()
    job = timed.ends_in_time(going_on)
    assert job.statuses() == dict.fromkeys(["start", "pause", "after"], "done")
    assert node.store.hget(f"cameron:record:scripted:{job.uuid}", "task.pause.attempts") == "1"


@pytest.mark.parametrize("url", ["", "ask"])
def test_a_wait_ends_in_error_at_its_time_though_its_node_was_killed(make: MakeNode, service: Service, url: str) -> None:
    node = make()
    timed = Timed(service, node, waits(service.url(url) if url else "", timeout_s=3), 3)
    if url:
        timed.job.told("callback")
    node.kill()
    node.start()
    job = timed.ends_in_time(node)
    assert job.statuses() == {"start": "done", "asked": "error", "after": "done"}
    assert job.error("asked") == "timeout: no callback came within 3 s"
    assert len(calls(service, "ask")) == bool(url)


def test_a_delay_that_ended_while_no_node_was_there_ends_with_the_next_start(make: MakeNode, service: Service) -> None:
    node = make()
    timed = Timed(service, node, delay(1), 1)
    node.kill()
    [start] = calls(service, "start")
    eventually(lambda: time.monotonic() > (start.replied or 0) + 1.5, "its time to pass")
    began = time.monotonic()
    node.start()
    timed.ends_in_time(node, began + START_S)


def test_a_delay_survives_being_killed_again_and_again(make: MakeNode, service: Service) -> None:
    node = make(CAMERON_JOB_MAX_CRASHES="1")
    timed = Timed(service, node, delay(4), 4)
    record = f"cameron:record:scripted:{timed.job.uuid}"
    for _ in range(2):
        owner = node.store.hget(record, "owner")
        node.kill()
        node.start()
        eventually(lambda owner=owner: node.store.hget(record, "owner") != owner, "the next owner to claim the job")  # type: ignore[misc]
    assert timed.ends_in_time(node).status == "done"  # nobody takes it for what kills its node
    assert node.store.xlen("cameron:queue:scripted:dead") == 0


def test_what_waits_goes_on_though_its_process_is_defined_no_more(make: MakeNode, service: Service) -> None:
    node = make()
    script(service, waits(service.url("ask")), delay(0.5), {"name": "after", "url": service.url("after")})
    job = node.job("scripted", {"key": "k"})
    [call] = eventually(lambda: calls(service, "ask"), "the call")
    job.told("callback")
    node.kill()
    node.file.write_text(definitions({"another": service.url("another")}), encoding="utf-8")
    node.start()
    assert node.post("/api/process/scripted/start", b'{"key": "k2"}').status_code == 404
    assert send(call.headers["x-cameron-callback"], node) == 200
    job.done()
    assert job.tasks()["asked"]["data"] == "yes"
    assert Counter(call.activity for call in service.all_calls()) == {"start": 1, "ask": 1, "after": 1}


def test_what_waits_keeps_the_options_that_its_process_had(make: MakeNode, service: Service) -> None:
    node = make()
    script(service, waits(service.url("ask")), {"name": "after", "url": service.url("after")})
    service.on("after", http(503, b"busy"), reply("after"))
    job = node.job("once", {"key": "k"})
    [call] = eventually(lambda: calls(service, "ask"), "the call")
    job.told("callback")
    node.kill()
    url = service.url("start")
    node.file.write_text(definitions({"once": url, "scripted": url}, {"once": "{retry, [{attempts, 5}]}"}), encoding="utf-8")
    node.start()
    assert send(call.headers["x-cameron-callback"], node) == 200
    job.ended()
    assert job.statuses() == {"start": "done", "asked": "done", "after": "error"}  # at most once it was, and so it is called
    assert len(calls(service, "after")) == 1
