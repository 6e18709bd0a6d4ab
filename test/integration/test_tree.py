"""The supervision tree in this process, on a real Redis and real sockets: every actor may crash, and jobs in progress go on."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cameron import config, tree
from cameron.clock import Moment
from cameron.core.event import TaskChanged
from cameron.core.status import Status
from cameron.errors import StoreUnavailable
from cameron.job_data import Refused
from cameron.job_ledger import Step
from cameron.job_orders import runner_name
from cameron.otp import Address, Node, Reason, whereis
from cameron.otp.probe import Probe

from ..acceptance.support.answer import Gate, reply
from ..acceptance.support.redis_server import RedisServer
from ..acceptance.support.service import Service
from ..acceptance.support.waiting import eventually


class Broken(Reason):
    """What ends an actor in these tests; it counts as a crash."""


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    running = Service()
    running.start()
    yield running
    running.stop()


@pytest.fixture
def assembled(tmp_path: Path, redis: RedisServer, service: Service) -> tree.Parts:
    """The parts of a node on an empty Redis; its process `steps` has two tasks in a row: `first`, then `second`."""
    with redis.client() as client:
        client.flushall()
    service.forget()
    definitions = tmp_path / "processes.config"
    definitions.write_text(f'{{processes, [{{steps, {{start_activity_url, "{service.url("first")}"}}}}]}}.')
    environ = {
        "CAMERON_REDIS_URL": redis.url,
        "CAMERON_WEB_PORT": "0",
        "CAMERON_PROCESSES_FILE": str(definitions),
        "CAMERON_NODE_SHUTDOWN_S": "1",
    }
    return tree.assemble(config.load("test", environ))


@pytest.fixture
def parts(assembled: tree.Parts) -> Iterator[tree.Parts]:
    """A whole node, running in this process."""
    with Node(lambda: tree.root(assembled)):
        yield assembled


class Steps:
    """Some jobs of two tasks each, all held in the middle of their second."""

    def __init__(self, parts: tree.Parts, service: Service, count: int) -> None:
        self.engine, self.service = parts.engine, service
        self.gate: Gate = service.gate()
        following = {"parallelizable": "yes", "definitions": [{"name": "second", "url": service.url("second")}]}
        service.on("first", reply({"step": 1}, next_activities=following))
        service.on("second", reply({"step": 2}).held(self.gate))
        self.keys = [f"job {number}" for number in range(count)]
        bodies = [json.dumps({"key": key, "data": None, "requestor": "a test"}).encode() for key in self.keys]
        self.jobs = [self.engine.start("steps", body) for body in bodies]
        for key in self.keys:
            service.arrived(key, 2)

    def show(self, job: Any) -> dict[str, Any]:
        shown: dict[str, Any] = json.loads(self.engine.get("steps", job.key, job.uuid))
        return shown

    def all_done(self) -> bool:
        return all(self.show(job)["status"]["current"] == "done" for job in self.jobs)

    def calls(self, activity: str) -> list[int]:
        return [sum(call.activity == activity for call in self.service.calls(key)) for key in self.keys]


def crash(name: str) -> None:
    """End the actor as a crash would, and wait until its successor is there."""
    before = whereis(name)
    assert before is not None
    before.exit(Broken())
    eventually(lambda: whereis(name) not in (None, before), f"another {name}")


@pytest.mark.parametrize(
    "name",
    [
        "job_data",
        "process_catalog",
        "http",
        "python_processes",
        "python",
        "job_runner_sup",
        "job_scheduler",
        "queue_reader",
        "web_server",
        "engine",
    ],
)
def test_any_actor_may_crash_and_jobs_in_progress_go_on(name: str, parts: tree.Parts, service: Service) -> None:
    steps = Steps(parts, service, 10)
    crash(name)
    steps.gate.open()
    eventually(steps.all_done, f"all jobs to be done after {name} crashed")
    assert steps.calls("first") == [1] * 10, "what is recorded done is not called again"
    assert all(count in (1, 2) for count in steps.calls("second")), "what was under way is called once more at most"


def test_a_crashed_runner_costs_its_own_job_alone_a_second_call(parts: tree.Parts, service: Service) -> None:
    steps = Steps(parts, service, 3)
    crash(runner_name(steps.jobs[1].uuid))
    service.arrived("job 1", 3)
    steps.gate.open()
    eventually(steps.all_done, "all jobs to be done")
    assert steps.calls("second") == [1, 2, 1]


def test_a_second_call_bears_the_same_idempotency_key(parts: tree.Parts, service: Service) -> None:
    steps = Steps(parts, service, 1)
    crash(runner_name(steps.jobs[0].uuid))
    service.arrived("job 0", 3)
    steps.gate.open()
    eventually(steps.all_done, "the job to be done")
    assert len({call.headers["idempotency-key"] for call in service.calls("job 0") if call.activity == "second"}) == 1


def test_what_a_killed_runner_still_writes_is_refused(parts: tree.Parts, service: Service) -> None:
    steps = Steps(parts, service, 1)
    runner = whereis(runner_name(steps.jobs[0].uuid))
    assert runner is not None
    zombie: Any = runner.actor_inbox.actor  # as a thread that is stuck in it would hold it
    runner.kill()
    service.arrived("job 0", 3)  # another runner has claimed the job, and called its second task again
    late = zombie._ledger.transition(Step(zombie._job, [TaskChanged("second", Status.DONE)], Moment(0, "01-01-2026 00:00:00")), ())
    probe = Probe()
    Address("job_data").tell(late._replace(sender=probe.ref))
    assert probe.next() == Refused("fenced")
    assert steps.show(steps.jobs[0])["tasks"][1]["status"]["current"] == "running"
    probe.stop()
    steps.gate.open()
    eventually(steps.all_done, "the job to be done by its owner")


def test_a_job_whose_runner_crashes_again_and_again_with_the_same_call_under_way_ends_in_error(parts: tree.Parts, service: Service) -> None:
    steps = Steps(parts, service, 1)
    for times in range(1, 6):
        service.arrived("job 0", 1 + times)  # the first task once, the second each time
        last = whereis(runner_name(steps.jobs[0].uuid))
        assert last is not None
        last.exit(Broken())
    eventually(lambda: steps.show(steps.jobs[0])["status"]["current"] == "error", "the job to be given up")
    assert "died 5 times" in steps.show(steps.jobs[0])["tasks"][1]["data"]


def test_a_new_job_runs_after_every_actor_has_crashed(parts: tree.Parts, service: Service) -> None:
    for name in ("web_server", "job_scheduler", "job_data"):
        crash(name)
    steps = Steps(parts, service, 2)
    steps.gate.open()
    eventually(steps.all_done, "the jobs to be done")


def test_one_crash_too_many_ends_the_program_with_a_status_that_is_not_zero(assembled: tree.Parts) -> None:
    with ThreadPoolExecutor() as threads:
        status = threads.submit(Node(lambda: tree.root(assembled)).run)
        eventually(lambda: whereis("web_server"), "the tree to stand")
        for _ in range(5):
            crash("web_server")
        last = whereis("web_server")
        assert last is not None
        last.exit(Broken())
        assert status.result(30) == 1


def shown(actor: dict[str, Any], name: str) -> dict[str, Any]:
    """The actor of that name in the tree as the engine gives it."""
    everybody = [actor]
    for found in everybody:
        everybody += found["children"]
    return next(found for found in everybody if found["name"] == name)


def test_the_tree_shows_who_has_crashed_and_of_what(parts: tree.Parts) -> None:
    crash("http")
    eventually(lambda: shown(parts.engine.tree()["tree"], "http")["state"] == "running", "its successor to be seen")
    answer = parts.engine.tree()
    http = shown(answer["tree"], "http")
    assert (http["kind"], http["state"], http["restarts"], http["last_crash"]) == ("HttpCalls", "running", 1, str(Broken()))
    assert (answer["node"], answer["zombies"]) == (parts.node.name, [])


def test_the_tree_shows_the_oldest_runners_and_counts_the_rest(parts: tree.Parts, service: Service) -> None:
    steps = Steps(parts, service, 5)
    everybody = shown(parts.engine.tree()["tree"], "job_runner_sup")
    some = shown(parts.engine.tree(2)["tree"], "job_runner_sup")
    steps.gate.open()
    assert (len(everybody["children"]), everybody["more"]) == (5, 0)
    assert ([child["name"] for child in some["children"]], some["more"]) == ([child["name"] for child in everybody["children"]][:2], 3)
    assert {child["kind"] for child in some["children"]} == {"JobRunner"}


def test_without_a_tree_there_is_none_to_show(assembled: tree.Parts) -> None:
    with pytest.raises(StoreUnavailable):
        assembled.engine.tree()


def test_a_job_that_a_killed_reader_took_is_found_long_before_the_minute_is_over(parts: tree.Parts, service: Service) -> None:
    service.on("first", reply("done"))
    reader = whereis("queue_reader")
    assert reader is not None
    reader.kill()  # its thread is still in the blocking read, and is the first to be given an entry
    job = parts.engine.start("steps", b'{"key": "taken"}')
    eventually(lambda: json.loads(parts.engine.get("steps", job.key, job.uuid))["status"]["current"] == "done", "the job to be done", 20.0)
