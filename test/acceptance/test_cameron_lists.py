"""The lists of a process: its jobs by status, key and time, paged by cursor, and its dead letter."""

import uuid
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from .support.answer import reply
from .support.crowd import start_all
from .support.node import Node
from .support.redis_server import RedisServer
from .support.refusal import assert_json_error
from .support.scenario import Scenario
from .support.service import Service
from .support.start_node import StartNode
from .support.waiting import eventually

MANY = 250
OPTIONS = {"counted": "{max_tasks, 10}", "narrow": "{max_jobs, 1}", "idle": "{max_jobs, 1}"}


def listed(node: Node, process: str, **query: Any) -> dict[str, Any]:
    answer = node.http.get(f"{node.url}/api/process/{process}/jobs", params=query, timeout=30)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def pages(node: Node, process: str, **query: Any) -> list[dict[str, Any]]:
    found = [listed(node, process, **query)]
    while found[-1]["next"] is not None:
        found.append(listed(node, process, **query, cursor=found[-1]["next"]))
    return found


def ms(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1000)


@pytest.fixture(scope="module")
def many(node: Node, service: Service) -> list[str]:
    """The paths of many jobs of the process `counted`: every fifth has failed, and they share ten keys."""
    keys = [f"many-{number % 10}" for number in range(MANY)]
    service.on("start", reply(1))
    payloads = [{"key": key, "data": number} for number, key in enumerate(keys)]
    started = start_all(node.port, "counted", payloads, 8)
    assert {answer.status for answer in started} == {201}
    eventually(lambda: listed(node, "counted")["counts"]["done"] >= MANY, "all jobs to end", 60)
    return [urlsplit(answer.location).path for answer in started]


def test_jobs_are_paged_without_gap_or_double_newest_first(node: Node, many: list[str]) -> None:
    found = pages(node, "counted", limit=60)
    jobs = [job for page in found for job in page["jobs"] if job["key"].startswith("many-")]
    assert len(jobs) == MANY
    assert {job["location"] for job in jobs} == set(many)
    assert [len(page["jobs"]) for page in found[:4]] == [60] * 4
    times = [ms(job["since"]) for job in jobs]
    assert times == sorted(times, reverse=True)
    assert all(ms(job["accepted"]) <= ms(job["since"]) and job["status"] == "done" for job in jobs)
    assert node.get(jobs[0]["location"]).json()["uuid"] == jobs[0]["uuid"]


def test_jobs_that_come_while_one_turns_pages_hide_none_and_show_none_twice(node: Node, many: list[str], scenario: Scenario) -> None:
    scenario.on("start", reply(1))
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = listed(node, "counted", limit=50, **cursor)
        seen += [job["location"] for job in page["jobs"]]
        scenario.start(process="counted").done()
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert len(seen) == len(set(seen))
    assert set(many) <= set(seen)


def test_jobs_of_a_key_are_that_keys_alone(node: Node, many: list[str]) -> None:
    found = [job for page in pages(node, "counted", key="many-3", limit=10) for job in page["jobs"]]
    assert {job["location"] for job in found} == {path for path in many if "/key/many-3/" in path}
    assert len(found) == MANY // 10
    assert listed(node, "counted", key="many")["jobs"] == []


def test_jobs_are_listed_by_the_time_at_which_they_came_to_their_status(node: Node, many: list[str]) -> None:
    jobs = [job for page in pages(node, "counted", key="many-3") for job in page["jobs"]]
    middle = jobs[len(jobs) // 2]["since"]
    since = [job for page in pages(node, "counted", key="many-3", since=middle) for job in page["jobs"]]
    until = [job for page in pages(node, "counted", key="many-3", until=middle) for job in page["jobs"]]
    assert {job["uuid"] for job in since} == {job["uuid"] for job in jobs if ms(job["since"]) >= ms(middle)}
    assert {job["uuid"] for job in until} == {job["uuid"] for job in jobs if ms(job["since"]) < ms(middle)}


def test_jobs_are_listed_by_status_as_they_go(scenario: Scenario) -> None:
    gate = scenario.gate()
    scenario.on("start", reply(1).held(gate))
    job = scenario.start(process="narrow")
    scenario.arrived(1)
    waiting = scenario.start(process="narrow")

    def of(status: str) -> list[str]:
        return [found["uuid"] for found in listed(scenario.node, "narrow", status=status, key=scenario.key)["jobs"]]

    eventually(lambda: of("running") == [job.uuid], "the index to say that it runs")
    assert of("scheduled") == [waiting.uuid]
    assert of("scheduled,running") == [waiting.uuid, job.uuid]
    waiting.verb("cancel")
    gate.open()
    job.done()
    eventually(lambda: of("done") == [job.uuid], "the index to say that it is done")
    assert (of("cancelled"), of("scheduled,running,error")) == ([waiting.uuid], [])


@pytest.mark.parametrize("key", ["a/b c", "é%2F?&=+#", "[", "a b"])
def test_a_location_that_is_listed_leads_to_its_job_whatever_its_key(scenario: Scenario, key: str) -> None:
    scenario.service.on("start", reply(1))
    key = f"{key} {uuid.uuid4().hex}"
    job = scenario.node.job("counted", {"key": key}).done()
    (found,) = listed(scenario.node, "counted", key=key)["jobs"]
    assert (found["key"], found["uuid"]) == (key, job.uuid)
    assert scenario.node.get(found["location"]).json() == job.view()


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("status=failed", "status_invalid"),
        ("since=yesterday", "time_invalid"),
        ("limit=0", "limit_invalid"),
        ("key=", "key_invalid"),
        ("key=a&key=b", "key_invalid"),
        ("cursor=nonsense", "cursor_invalid"),
        ("cursor=%00", "cursor_invalid"),
        ("stauts=done", "parameter_unknown"),
    ],
)
@pytest.mark.parametrize("route", ["jobs", "dead"])
def test_what_cannot_be_listed_is_a_400(node: Node, route: str, query: str, code: str) -> None:
    if route == "dead" and query.startswith(("status", "since", "key")):
        code = "parameter_unknown"
    assert assert_json_error(node.get(f"/api/process/counted/{route}?{query}"), 400)["code"] == code


@pytest.mark.parametrize("route", ["jobs", "dead"])
def test_a_list_of_an_unknown_process_is_a_404(node: Node, route: str) -> None:
    assert assert_json_error(node.get(f"/api/process/unknown/{route}"), 404)["code"] == "process_not_found"


def test_a_process_without_jobs_has_empty_lists(node: Node) -> None:
    none = dict.fromkeys(["scheduled", "running", "done", "error", "cancelled"], 0)
    assert listed(node, "idle") == {"process": "idle", "counts": none, "jobs": [], "next": None}
    assert node.get("/api/process/idle/dead").json() == {"process": "idle", "jobs": [], "next": None}


# the dead letter

FIVE_CRASHES = ",".join(f"reply.received:{passage}=raise" for passage in range(1, 6))


def test_a_job_with_which_its_runner_crashes_again_and_again_is_in_the_dead_letter_and_can_be_put_back(
    start_node: StartNode, durable: RedisServer, service: Service
) -> None:
    node = start_node(durable, {"CAMERON_FAULT": FIVE_CRASHES}, poisoned=service.url("start"))
    scenario = Scenario(f"poison-{uuid.uuid4().hex}", service, node)
    scenario.on("start", reply(1))
    job = scenario.start(process="poisoned").ended(60)
    assert (job.status, len(scenario.calls())) == ("error", 5)
    (entry,) = node.get("/api/process/poisoned/dead").json()["jobs"]
    assert (entry["uuid"], entry["key"], entry["task"], entry["crashes"]) == (job.uuid, job.key, "start", 5)
    assert "crashed" in entry["crash"]
    assert entry["location"] == urlsplit(job.location).path
    job.told("dead letter")
    assert job.verb("retry").json()["tasks"] == ["start"]
    job.done()
    assert node.get("/api/process/poisoned/dead").json()["jobs"] == []
