"""A job always ends: the limits on tasks, depth, stored bytes and time, set small here."""

import pytest

from .support.answer import follow, http, reply
from .support.job import Job
from .support.scenario import Scenario

SETTINGS = {
    "CAMERON_JOB_MAX_TASKS": "20",
    "CAMERON_JOB_MAX_DEPTH": "10",
    "CAMERON_JOB_TIMEOUT_S": "4.0",
    "CAMERON_JOB_MAX_STORED_BYTES": "200000",
    "CAMERON_HTTP_MAX_REPLY_BYTES": "65536",
    "CAMERON_WEB_MAX_BODY_BYTES": "4096",
}


def errors(job: Job) -> dict[str, str]:
    """The errors of the job's tasks, the same in the hash, in GET and in the `:error` keys."""
    shown = {name: task["data"] for name, task in job.tasks().items() if task["status"]["current"] == "error"}
    stored = {name: job.field(f"task.{name}.output.data") for name in shown}
    marked = {name: job.error(name) for name in shown}
    assert shown == stored == marked
    assert job.keys() == {job.hash_key, *(f"{job.hash_key}:{name}:error" for name in shown)}
    return shown


def test_an_endless_loop_ends_at_the_depth_limit(scenario: Scenario) -> None:
    forever = reply(1, next_activities=follow([("again", scenario.url("start"))]))
    scenario.on("start", forever)
    job = scenario.run()
    assert len(scenario.calls()) <= 11
    assert len(scenario.calls()) >= 9
    (text,) = errors(job).values()
    assert "10" in text


def test_the_depth_limit_itself_may_be_reached(scenario: Scenario) -> None:
    step = reply(1, next_activities=follow([("step", scenario.url("start"))]))
    scenario.on("start", *[step] * 8, reply("the end"))
    job = scenario.run().done()
    assert errors(job) == {}
    assert len(scenario.calls()) == 9


def test_too_many_tasks_in_one_reply_are_an_error_of_that_task(scenario: Scenario) -> None:
    scenario.on("start", reply(1, next_activities=follow([(f"t{n}", scenario.url("t")) for n in range(20)])))
    scenario.on("t", reply(2))
    job = scenario.run()
    assert list(errors(job)) == ["start"]
    assert "20" in errors(job)["start"]
    assert scenario.calls("t") == []


def test_the_task_limit_itself_may_be_reached(scenario: Scenario) -> None:
    scenario.on("start", reply(1, next_activities=follow([(f"t{n}", scenario.url("t")) for n in range(19)])))
    scenario.on("t", reply(2))
    job = scenario.run().done()
    assert errors(job) == {}
    assert len(scenario.calls("t")) == 19


def test_a_job_that_doubles_forever_ends_at_the_task_limit(scenario: Scenario) -> None:
    scenario.on("start", reply(1, next_activities=follow([("l", scenario.url("start")), ("r", scenario.url("start"))])))
    job = scenario.run()
    assert len(scenario.calls()) <= 20
    assert errors(job)


def test_a_job_ends_at_its_time_limit_whatever_its_activities_do(scenario: Scenario) -> None:
    gate = scenario.gate()
    scenario.on("start", reply(1, next_activities=follow([("slow", scenario.url("slow")), ("quick", scenario.url("quick"))])))
    scenario.on("slow", reply("too late", next_activities=follow([("after", scenario.url("after"))])).held(gate))
    scenario.on("quick", reply("in time"))
    job = scenario.run()
    gate.open()
    assert list(errors(job)) == ["slow"]
    assert job.tasks()["quick"]["data"] == "in time"
    assert scenario.calls("after") == []


def test_a_job_ends_at_its_time_limit_while_it_waits_to_try_again(scenario: Scenario) -> None:
    scenario.on("start", http(503, b"", {"Retry-After": "3600"}))
    job = scenario.run()
    assert list(errors(job)) == ["start"]


def test_a_reply_over_the_size_limit_is_an_error_that_names_the_limit(scenario: Scenario) -> None:
    scenario.on("start", reply("x" * 70_000))
    job = scenario.run().done()
    assert "65536" in errors(job)["start"].replace(",", "").replace("_", "")


@pytest.mark.parametrize(("size", "status"), [(65_536, "done"), (65_537, "error")])
def test_the_reply_limit_is_exact(scenario: Scenario, size: int, status: str) -> None:
    scenario.on("start", http(200, b'{"data": "' + b"x" * (size - 12) + b'"}'))
    assert scenario.run().done().field("task.start.status.current") == status


def test_a_job_that_stores_too_much_ends_in_an_error(scenario: Scenario) -> None:
    scenario.on("start", reply(1, next_activities=follow([(f"t{n}", scenario.url("t")) for n in range(10)], "no")))
    scenario.on("t", reply("x" * 60_000))
    job = scenario.run()
    assert errors(job)
    assert sum(len(name) + len(value) for name, value in job.hash().items()) < 300_000


@pytest.mark.parametrize(("size", "status"), [(4096, 201), (4097, 413)])
def test_the_body_limit_is_exact(scenario: Scenario, size: int, status: int) -> None:
    scenario.on("start", reply(1))
    shell = f'{{"key": "{scenario.key}", "data": ""}}'
    body = shell.replace('""', '"' + "x" * (size - len(shell)) + '"')
    assert len(body) == size
    assert scenario.node.post("/api/process/scripted/start", body).status_code == status
