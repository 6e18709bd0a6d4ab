"""Activities that do what none should: each such end is an outcome with a text, and neither the node nor another activity minds."""

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from .support import libero
from .support.answer import document
from .support.job import Job
from .support.libero import (
    IN_PROGRESS,
    PERMANENT_FAILURE,
    SCHEDULED,
    SUCCEEDED,
    activity,
    alive,
    begin,
    decisions,
    reached,
    says,
    states,
    workflow,
)
from .support.node import Node
from .support.redis_server import RedisServer
from .support.scenario import Scenario
from .support.service import Service
from .support.waiting import eventually

THREADS, ZOMBIES = 2, 2
IN_PROCESS = {"isolation": "process"}
MISBEHAVING = (
    "RaisesInConstructor",
    "ReturnsNone",
    "ReturnsAnotherWord",
    "Raises",
    "Exits",
    "RaisesTheUntellable",
    "Recurses",
    "NotThere",
    "NeverDefined",
)
DEADLY = ("Segfaults", "EndsProcess", "Hoards")
HARMLESS = ("Chatters", "Forks", "LeavesProgram")  # which succeed all the same
WORKFLOWS = (
    *(workflow(name, name, "First") for name in MISBEHAVING),
    *(workflow(f"{name}InProcess", activity(name, **IN_PROCESS), "First") for name in (*MISBEHAVING, *DEADLY)),
    *(workflow(name, name) for name in HARMLESS),
    *(workflow(f"{name}InProcess", activity(name, **IN_PROCESS)) for name in HARMLESS),
    workflow("Odd", "odd"),
    workflow("OddInProcess", activity("odd", **IN_PROCESS)),
    workflow("IgnoresSignalsInProcess", activity("IgnoresSignals", required=False, timeout_s=2, **IN_PROCESS), "First"),
    workflow("Sleeps", activity("Sleeps", required=False, timeout_s=0.3), "First"),
    workflow("SleepsInProcess", activity("Sleeps", required=False, timeout_s=2, **IN_PROCESS), "First"),
    workflow("Killed", activity("Sleeps", **IN_PROCESS)),
    workflow("Waits", activity("First", independent=True), activity("Second", independent=True), activity("Third", independent=True)),
)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service) -> Iterator[Node]:
    """A node with the workflows above, which runs two activities in threads at once."""
    settings = {"CAMERON_PYTHON_MAX_THREADS": str(THREADS), "CAMERON_PYTHON_MAX_ZOMBIES": str(ZOMBIES)}
    with libero.node(tmp_path_factory.mktemp("node"), redis, service, *WORKFLOWS, **settings) as running:
        yield running


@pytest.fixture(autouse=True)
def _usual(scenario: Scenario, node: Node) -> Iterator[None]:
    """What comes after it is as ever, and so is the node."""
    scenario.on("First", says())
    for name in ("EndsProcess", "Forks", "LeavesProgram"):
        scenario.on(name, document({}))
    scenario.on("woke", document({}))
    yield
    assert node.running
    assert node.get("/status").status_code == 200


def zombies(node: Node) -> list[str]:
    """The threads of the node that have not come back."""
    return list(node.get("/api/system/tree").json()["zombies"])


def failed(job: Job, name: str) -> str:
    """Why that first activity has failed for good, after one attempt, and the workflow with it."""
    assert job.ended().status == "error"
    assert states(job) == ["Failed", PERMANENT_FAILURE, "Pending"]
    assert libero.activities(job)[name]["attempts"] == 1
    assert decisions(job) == ["start-workflow", f"schedule-activity {name}", "workflow-failure"]
    return libero.error(job, name)


@pytest.mark.parametrize("where", ["", "InProcess"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("RaisesInConstructor", "RaisesInConstructor raised RuntimeError: not today (sample/misbehaving.py:"),
        ("ReturnsNone", "ReturnsNone.do_activity() returned None: return self.SUCCEEDED, self.TEMPORARY_FAILURE or self.PERMANENT_FAILURE"),
        ("ReturnsAnotherWord", "ReturnsAnotherWord.do_activity() returned 'fine': return self.SUCCEEDED, "),
        ("Raises", "Raises raised KeyError: 'missing' (sample/misbehaving.py:"),
        ("Exits", "Exits called sys.exit(3) (sample/misbehaving.py:"),
        ("RaisesTheUntellable", "RaisesTheUntellable raised an exception that cannot be shown (sample/misbehaving.py:"),
        ("Recurses", "Recurses raised RecursionError: maximum recursion depth exceeded (sample/misbehaving.py:"),
        ("NotThere", "there is no Python activity 'NotThere' in 'sample' ("),
        (
            "NeverDefined",
            f"in 'sample' ({libero.PYTHON}): sample/broken.py:7: the module sample.broken cannot be imported",
        ),
    ],
)
def test_whatever_an_activity_does_is_its_permanent_failure_with_a_text(scenario: Scenario, name: str, text: str, where: str) -> None:
    assert text in failed(begin(scenario, name + where), name)
    assert scenario.calls() == []


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("Segfaults", ["the process of Segfaults was ended by signal 11 (SIGSEGV)", "; the last it wrote: it stood at ", "misbehaving.py"]),
        ("EndsProcess", ["the process of EndsProcess ended by itself, with status 0, before the activity was done"]),
        ("Hoards", ["Hoards raised MemoryError", "(its process may have 1,073,741,824 bytes)", "sample/misbehaving.py:"]),
    ],
)
def test_what_ends_its_process_ends_that_alone(scenario: Scenario, name: str, texts: list[str]) -> None:
    error = failed(begin(scenario, f"{name}InProcess"), name)
    assert [text for text in texts if text not in error] == []


@pytest.mark.parametrize("where", ["", "InProcess"])
@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("nan", "a number too large for JSON"),
        ("infinite", "a number too large for JSON"),
        ("huge", "a number too large for JSON"),
        ("surrogate", "a lone surrogate, which is no character"),
        ("object", "objects of type object"),
        ("loop", "nested too deeply"),
        ("deep", "nested too deeply"),
        ("large", "odd returned 2,097,154 bytes of JSON, and may return 1,048,576"),
    ],
)
def test_what_json_cannot_hold_is_no_result(scenario: Scenario, what: str, text: str, where: str) -> None:
    job = begin(scenario, f"Odd{where}", what=what).ended()
    assert states(job) == ["Failed", PERMANENT_FAILURE]
    assert text in libero.error(job, "odd")


@pytest.mark.parametrize("where", ["", "InProcess"])
@pytest.mark.parametrize("name", HARMLESS)
def test_what_an_activity_writes_or_leaves_running_does_not_matter(scenario: Scenario, name: str, where: str) -> None:
    assert states(begin(scenario, name + where).done()) == ["Finished", SUCCEEDED]
    for call in scenario.calls():
        left = call.json.get("child", call.json.get("left"))
        if name == "LeavesProgram" and not where:
            os.kill(left, signal.SIGKILL)  # it is the node's own, and nobody's who would end it
        eventually(lambda left=left: not alive(left), "what it has left to be gone")  # type: ignore[misc]


# what does not come back


def test_a_thread_that_does_not_come_back_is_a_zombie_and_its_place_is_filled_anew(scenario: Scenario, node: Node) -> None:
    gate = scenario.gate()
    scenario.on("Sleeps", says().held(gate))
    jobs = [begin(scenario, "Sleeps").done() for _ in range(THREADS)]
    for job in jobs:
        assert states(job) == ["Finished", PERMANENT_FAILURE, SUCCEEDED]  # the second one ran, though all threads are lost
        text = libero.error(job, "Sleeps")
        assert text.startswith("timeout: Sleeps has not come back within 0.3 s, and nobody waits for its thread any more")
        assert "it is at sample/told.py:" in text
    left = zombies(node)
    assert len(left) == THREADS
    assert all(any(f"'Sleeps', task 'Sleeps' of job {job.uuid}" in zombie for zombie in left) for job in jobs)
    gate.open()
    eventually(lambda: zombies(node) == [], "the threads to end once they come back")
    assert [call.json["session"] for call in scenario.calls("woke")] == ["RunIsOver"] * THREADS
    assert list(node.store.scan_iter("cameron:record:Sleeps:*:session")) == []
    assert [states(job) for job in jobs] == [["Finished", PERMANENT_FAILURE, SUCCEEDED]] * THREADS


def test_with_too_many_zombies_nothing_runs_in_threads_until_some_have_come_back(scenario: Scenario, node: Node) -> None:
    gate = scenario.gate()
    scenario.on("Sleeps", says().held(gate))
    lost = [begin(scenario, "Sleeps").done() for _ in range(ZOMBIES)]
    last = begin(scenario, "Sleeps").ended()
    assert states(last) == ["Failed", PERMANENT_FAILURE, PERMANENT_FAILURE]
    text = libero.error(last, "First")
    assert f"{ZOMBIES + 1} threads" in text, text
    assert "max_zombies" in text
    assert "sys.exit" in failed(begin(scenario, "ExitsInProcess"), "Exits")  # processes go on all the same
    gate.open()
    eventually(lambda: zombies(node) == [], "the threads to end once they come back")
    begin(scenario, "Sleeps").done()
    assert [states(job)[0] for job in lost] == ["Finished"] * ZOMBIES


def pid_of(scenario: Scenario) -> int:
    """The process of the activity that has asked the service."""
    [call] = scenario.arrived(1)
    pid = int(call.json["pid"])
    assert pid not in (os.getpid(), scenario.node.child.pid)
    return pid


def test_a_process_that_does_not_come_back_is_killed_at_its_timeout(scenario: Scenario, node: Node) -> None:
    scenario.on("Sleeps", says().held(scenario.gate()))
    job = begin(scenario, "SleepsInProcess")
    pid = pid_of(scenario)
    assert alive(pid)
    job.done()
    assert states(job) == ["Finished", PERMANENT_FAILURE, SUCCEEDED]
    assert "timeout: the process of Sleeps has not ended within 2 s, and was killed" in libero.error(job, "Sleeps")
    eventually(lambda: not alive(pid), "the process to be gone")
    assert zombies(node) == []


def test_a_process_is_killed_when_its_job_is_cancelled(scenario: Scenario) -> None:
    scenario.on("Sleeps", says().held(scenario.gate()))
    job = begin(scenario, "Killed")
    pid = pid_of(scenario)
    reached(job, IN_PROGRESS, IN_PROGRESS)
    assert job.verb("cancel").status_code in (200, 202)
    assert job.ended().status == "cancelled"
    eventually(lambda: not alive(pid), "the process to be gone")


def test_a_process_that_does_not_heed_signals_is_killed_all_the_same(scenario: Scenario) -> None:
    scenario.on("IgnoresSignals", says().held(scenario.gate()))
    job = begin(scenario, "IgnoresSignalsInProcess")
    pid = pid_of(scenario)
    assert states(job.done()) == ["Finished", PERMANENT_FAILURE, SUCCEEDED]
    assert not alive(pid)


# places


def test_one_that_waits_for_a_free_place_is_scheduled_and_explain_says_so(scenario: Scenario) -> None:
    gate = scenario.gate()
    for name in ("First", "Second", "Third"):
        scenario.on(name, says().held(gate))
    job = begin(scenario, "Waits")
    scenario.arrived(THREADS)
    reached(job, IN_PROGRESS, *[IN_PROGRESS] * THREADS, SCHEDULED)
    assert job.told("'Third'", "free place", "max_threads")
    assert [event["task"] for event in libero.events(job) if event["event"] == "task.begun"] == ["First", "Second"]
    assert len(scenario.calls()) == THREADS
    gate.open()
    job.done()
    assert states(job) == ["Finished", SUCCEEDED, SUCCEEDED, SUCCEEDED]


def test_one_that_was_cancelled_while_it_waited_is_never_run(scenario: Scenario) -> None:
    gate = scenario.gate()
    for name in ("First", "Second", "Third"):
        scenario.on(name, says().held(gate))
    busy = begin(scenario, "Waits")
    reached(busy, IN_PROGRESS, *[IN_PROGRESS] * THREADS, SCHEDULED)
    waits = begin(scenario, "Waits")
    reached(waits, IN_PROGRESS, *[SCHEDULED] * 3)
    assert waits.verb("cancel").status_code in (200, 202)
    waits.ended()
    gate.open()
    busy.done()
    assert {call.json["job"] for call in scenario.calls()} == {busy.uuid}


def test_bad_data_of_any_size_harms_nobody(scenario: Scenario) -> None:
    large = begin(scenario, "Raises", padding="x" * 500_000).ended()
    assert "KeyError" in libero.error(large, "Raises")
    deep: Any = 0
    for _ in range(50):
        deep = [deep]
    assert json.dumps(deep) in json.dumps(libero.seen(begin(scenario, "Raises", deep=deep).ended())["input_data"])
