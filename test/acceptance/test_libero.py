"""Libero Flow over HTTP, as its users drive it: workflows in order, side by side, again and again; their states, decisions and sessions."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from .support import libero
from .support.answer import document, http
from .support.libero import (
    IN_PROGRESS,
    PENDING,
    PERMANENT_FAILURE,
    SUCCEEDED,
    TEMPORARY_FAILURE,
    activity,
    begin,
    decisions,
    entered,
    reached,
    says,
    seen,
    states,
    workflow,
)
from .support.node import Node
from .support.redis_server import RedisServer
from .support.refusal import assert_json_error
from .support.scenario import Scenario
from .support.service import Service
from .support.waiting import eventually

AT_ONCE = {"retry_delay_s": 0}
WORKFLOWS = (
    workflow("InOrder", "First", "Second"),
    workflow("SideBySide", activity("First", independent=True), activity("Second", independent=True), "Third"),
    workflow("SomeGoOn", activity("First", independent=True), activity("Second", independent=True), "Third", activity("Fourth")),
    workflow("Optional", activity("First", required=False), "Second"),
    workflow("AllOptional", activity("First", required=False), activity("Second", required=False)),
    workflow("Again", "First", "Second", config=AT_ONCE),
    workflow("Twice", activity("First", max_retries=1), config={"max_retries": 7, **AT_ONCE}),
    workflow("Never", activity("First", config={"max_retries": 0}), config={"max_retries": 7}),
    workflow("Later", activity("First", retry_delay_s=3600)),
    workflow("Configured", activity("First", config={"b": 2, "c": {"d": 1}}), "Second", config={"a": 1, "b": 1}),
    workflow("SameTwice", "First", "First"),
    workflow(
        "Session",
        "First",
        "Second",
        activity("recalled", config={"word": "colour"}),
        activity("also", kind="python", activity="Third", isolation="process"),
    ),
    workflow(
        "Kinds",
        activity("tell", kind="http", url="SERVICE/tell"),
        activity("count", kind="command", command=["cat"], config={"a": 1}),
        activity("rest", kind="delay", delay_s=0.01),
        activity("approval", kind="wait", url="SERVICE/approval", timeout_s=60),
        activity("last of all", kind="python", activity="First"),
    ),
)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service) -> Iterator[Node]:
    """A node with the workflows above."""
    here = json.loads(json.dumps(WORKFLOWS).replace("SERVICE/", service.url("")))
    settings = {"CAMERON_COMMANDS_ALLOWED_BINARIES": "cat"}
    with libero.node(tmp_path_factory.mktemp("node"), redis, service, *here, **settings) as running:
        yield running


def names(scenario: Scenario) -> list[str]:
    """Who has asked the service, in order."""
    return [call.activity for call in scenario.calls()]


# in order, and side by side


def test_two_activities_in_sequence_run_one_after_the_other(scenario: Scenario) -> None:
    gate = scenario.gate()
    scenario.on("First", says().held(gate))
    scenario.on("Second", says())
    job = begin(scenario, "InOrder")
    scenario.arrived(1)
    reached(job, IN_PROGRESS, IN_PROGRESS, PENDING)
    assert names(scenario) == ["First"]
    gate.open()
    job.done()
    assert names(scenario) == ["First", "Second"]
    assert states(job) == ["Finished", SUCCEEDED, SUCCEEDED]
    first, second = scenario.calls()
    assert first.replied
    assert first.replied <= second.arrived
    assert decisions(job) == ["start-workflow", "schedule-activity First", "schedule-activity Second", "workflow-finished"]
    assert entered(job) == [PENDING, IN_PROGRESS, "Finished"]
    assert entered(job, "First") == entered(job, "Second") == ["Scheduled", IN_PROGRESS, SUCCEEDED]


def test_two_independent_ones_run_at_once_and_the_dependent_one_after_both(scenario: Scenario) -> None:
    first, second = scenario.gate(), scenario.gate()
    scenario.on("First", says().held(first))
    scenario.on("Second", says().held(second))
    scenario.on("Third", says())
    job = begin(scenario, "SideBySide")
    scenario.arrived(2)
    reached(job, IN_PROGRESS, IN_PROGRESS, IN_PROGRESS, PENDING)
    second.open()
    reached(job, IN_PROGRESS, IN_PROGRESS, SUCCEEDED, PENDING)
    assert sorted(names(scenario)) == ["First", "Second"]
    first.open()
    job.done()
    assert names(scenario)[2:] == ["Third"]
    assert decisions(job) == [
        "start-workflow", "schedule-activity First", "schedule-activity Second", "do-nothing",
        "schedule-activity Third", "workflow-finished",
    ]  # fmt: skip


def test_a_required_failure_starts_nothing_new_and_lets_end_what_runs(scenario: Scenario) -> None:
    gate = scenario.gate()
    scenario.on("First", says().held(gate))
    scenario.on("Second", says(PERMANENT_FAILURE))
    job = begin(scenario, "SideBySide")
    reached(job, IN_PROGRESS, IN_PROGRESS, PERMANENT_FAILURE, PENDING)
    gate.open()
    assert job.ended().status == "error"
    assert states(job) == ["Failed", SUCCEEDED, PERMANENT_FAILURE, PENDING]
    assert sorted(names(scenario)) == ["First", "Second"]
    assert libero.error(job, "Second").startswith("Second returned 'Permanent Failure' (sample/told.py:")
    decided = [decision for decision in decisions(job) if decision != "do-nothing"]
    assert decided == ["start-workflow", "schedule-activity First", "schedule-activity Second", "workflow-failure"]


def test_a_failure_that_is_not_required_goes_unpunished(scenario: Scenario) -> None:
    scenario.on("First", says(PERMANENT_FAILURE))
    scenario.on("Second", says())
    job = begin(scenario, "Optional").done()
    assert states(job) == ["Finished", PERMANENT_FAILURE, SUCCEEDED]
    assert decisions(job)[-2:] == ["schedule-activity Second", "workflow-finished"]
    assert entered(job, "First") == ["Scheduled", IN_PROGRESS, PERMANENT_FAILURE]


def test_where_all_fail_that_need_not_succeed_the_workflow_is_finished(scenario: Scenario) -> None:
    scenario.on("First", says(PERMANENT_FAILURE))
    scenario.on("Second", says(PERMANENT_FAILURE))
    job = begin(scenario, "AllOptional").done()
    assert states(job) == ["Finished", PERMANENT_FAILURE, PERMANENT_FAILURE]


def test_what_nobody_has_fails_alone_and_the_text_says_what_is_there(scenario: Scenario) -> None:
    for name in ("First", "Second", "Third"):
        scenario.on(name, says())
    job = begin(scenario, "SomeGoOn").ended()
    assert states(job) == ["Failed", SUCCEEDED, SUCCEEDED, SUCCEEDED, PERMANENT_FAILURE]
    text = libero.error(job, "Fourth")
    assert f"there is no Python activity 'Fourth' in 'sample' ({libero.PYTHON})" in text
    assert "1 problem of the package is in the log (cameron check lists them)" in text


# again


def test_temporary_failures_are_tried_again_until_one_succeeds(scenario: Scenario) -> None:
    scenario.on("First", says(TEMPORARY_FAILURE), says(TEMPORARY_FAILURE), says(TEMPORARY_FAILURE), says())
    scenario.on("Second", says())
    job = begin(scenario, "Again").done()
    assert names(scenario) == ["First"] * 4 + ["Second"]
    assert states(job) == ["Finished", SUCCEEDED, SUCCEEDED]
    assert [one["attempts"] for one in seen(job)["activities"]] == [4, 1]
    assert decisions(job) == [
        "start-workflow", *["schedule-activity First", "reschedule-activity First"] * 3,
        "schedule-activity First", "schedule-activity Second", "workflow-finished",
    ]  # fmt: skip
    assert entered(job, "First") == ["Scheduled", IN_PROGRESS, TEMPORARY_FAILURE] * 3 + ["Scheduled", IN_PROGRESS, SUCCEEDED]


@pytest.mark.parametrize(("name", "attempts"), [("Again", 4), ("Twice", 2), ("Never", 1)])
def test_temporary_failures_become_permanent_at_the_limit(scenario: Scenario, name: str, attempts: int) -> None:
    scenario.on("First", says(TEMPORARY_FAILURE))
    job = begin(scenario, name).ended()
    assert names(scenario) == ["First"] * attempts
    assert states(job)[:2] == ["Failed", PERMANENT_FAILURE]
    assert entered(job, "First")[-2:] == [IN_PROGRESS, PERMANENT_FAILURE]
    assert seen(job)["activities"][0]["attempts"] == attempts
    assert "First returned 'Temporary Failure'" in libero.error(job, "First")
    assert decisions(job)[-1] == "workflow-failure"


def test_one_that_waits_for_its_next_attempt_is_a_temporary_failure_and_says_until_when(scenario: Scenario) -> None:
    scenario.on("First", says(TEMPORARY_FAILURE))
    job = begin(scenario, "Later")
    reached(job, IN_PROGRESS, TEMPORARY_FAILURE)
    [waiting] = seen(job)["activities"]
    [delayed] = [event for event in libero.events(job) if event["event"] == "task.delayed"]
    assert waiting["until"] == delayed["until"] > delayed["time"]
    assert (waiting["attempts"], delayed["decision"], delayed["state"]) == (1, "reschedule-activity", TEMPORARY_FAILURE)
    assert job.verb("cancel").status_code in (200, 202)
    job.ended()
    assert states(job) == ["Cancelled", PERMANENT_FAILURE]
    assert entered(job) == [PENDING, IN_PROGRESS, "Cancelled"]


# cancelled, and retried


def test_a_workflow_cancelled_amid_an_activity_goes_on_from_there_when_it_is_retried(scenario: Scenario) -> None:
    gate = scenario.gate()
    scenario.on("First", says())
    scenario.on("Second", says(PERMANENT_FAILURE).held(gate), says())
    job = begin(scenario, "InOrder")
    scenario.arrived(2)
    reached(job, IN_PROGRESS, SUCCEEDED, IN_PROGRESS)
    assert job.verb("cancel").status_code in (200, 202)
    assert job.ended().status == "cancelled"
    assert states(job) == ["Cancelled", SUCCEEDED, PERMANENT_FAILURE]
    assert libero.error(job, "Second") == "cancelled"
    before = libero.events(job)
    answer = job.verb("retry")
    assert (answer.status_code, answer.json()["tasks"]) == (202, ["Second"])
    job.done()
    assert states(job) == ["Finished", SUCCEEDED, SUCCEEDED]
    assert names(scenario) == ["First", "Second", "Second"]
    after = libero.events(job)
    assert after[: len(before)] == before
    assert [event["event"] for event in after[len(before) :]] == [
        "job.retried", "job.started", "task.called", "task.begun", "task.done", "job.ended",
    ]  # fmt: skip
    assert entered(job) == [PENDING, IN_PROGRESS, "Cancelled", PENDING, IN_PROGRESS, "Finished"]
    gate.open()


def test_a_failed_workflow_is_retried_where_it_has_failed(scenario: Scenario) -> None:
    scenario.on("First", says())
    scenario.on("Second", says(PERMANENT_FAILURE), says())
    job = begin(scenario, "InOrder").ended()
    assert states(job) == ["Failed", SUCCEEDED, PERMANENT_FAILURE]
    assert job.verb("retry").status_code == 202
    reached(job, "Finished", SUCCEEDED, SUCCEEDED)
    assert names(scenario) == ["First", "Second", "Second"]
    assert decisions(job) == [
        "start-workflow", "schedule-activity First", "schedule-activity Second", "workflow-failure",
        "start-workflow", "schedule-activity Second", "workflow-finished",
    ]  # fmt: skip


# what activities are given


def test_an_activity_has_its_config_over_that_of_the_workflow(scenario: Scenario) -> None:
    for name in ("First", "Second"):
        scenario.on(name, says())
    job = begin(scenario, "Configured", more=["ünï", 1.5, None]).done()
    first, second = (call.json for call in scenario.calls())
    assert first["config"] == {"a": 1, "b": 2, "c": {"d": 1}}
    assert second["config"] == {"a": 1, "b": 1}
    assert first["input_data"] == second["input_data"] == {"key": scenario.key, "more": ["ünï", 1.5, None]}
    assert first["job"] == second["job"] == job.uuid == seen(job)["id"]


def test_one_that_is_listed_twice_runs_twice(scenario: Scenario) -> None:
    scenario.on("First", says())
    job = begin(scenario, "SameTwice").done()
    assert names(scenario) == ["First", "First"]
    assert list(libero.activities(job)) == ["First", "First#2"]


def test_the_activities_of_a_job_share_a_session_that_ends_with_the_job(scenario: Scenario, node: Node) -> None:
    gate = scenario.gate()
    scenario.on("First", says(set={"colour": "blü", "size": "1"}))
    scenario.on("Second", says(set={"size": "2"}, get=["colour", "size", "nothing"]))
    scenario.on("Third", says(set={"own": "process"}, get=["colour", "own"]).held(gate))
    scenario.on("session", document({}))
    job = begin(scenario, "Session")
    session = f"cameron:record:{job.process}:{job.uuid}:session"
    scenario.arrived(4)
    assert node.store.hgetall(session) == {"colour": "blü", "size": "2"}
    gate.open()
    job.done()
    assert [call.json["said"] for call in scenario.calls("session")] == [
        {"colour": "blü", "size": "2", "nothing": None},
        {"colour": "blü", "own": "process"},
    ]
    assert libero.activities(job)["recalled"]["result"] == "blü"
    first, third = scenario.calls("First")[0].json, scenario.calls("Third")[0].json
    assert (first["pid"], third["pid"] == node.child.pid) == (node.child.pid, False)
    assert node.store.hgetall(session) == {"colour": "blü", "size": "2", "own": "process"}
    lives = [node.store.pttl(key) for key in (job.hash_key, session)]
    assert lives[0] > 0
    assert abs(lives[0] - lives[1]) < 5_000
    other = begin(scenario, "Session").done()
    assert scenario.calls("session")[-2].json["said"]["colour"] == "blü"
    assert node.store.hgetall(f"cameron:record:{other.process}:{other.uuid}:session")["own"] == "process"


def test_activities_may_be_of_other_kinds(scenario: Scenario, service: Service) -> None:
    tells = {"workflow": "Kinds", "workflow_id": "", "activity": "tell", "config": {}, "input_data": {"key": scenario.key}}
    service.on("tell", document({"told": True}))
    service.on("approval", http(202, b""))
    scenario.on("First", says())
    job = begin(scenario, "Kinds")
    [tell, approval] = eventually(lambda: of_job(service, job.uuid) if len(of_job(service, job.uuid)) == 2 else None, "the calls", 30)
    assert tell.json == {**tells, "workflow_id": job.uuid}
    assert libero.states(job)[1:] == [SUCCEEDED, SUCCEEDED, SUCCEEDED, IN_PROGRESS, PENDING]
    answer = requests.post(approval.headers["x-cameron-callback"], json={"yes": True}, timeout=30)
    assert answer.status_code == 200, answer.text
    job.done()
    found = libero.activities(job)
    assert (found["tell"]["result"], found["approval"]["result"]) == ({"told": True}, {"yes": True})
    assert json.loads(found["count"]["result"]["stdout"]) == {**tells, "workflow_id": job.uuid, "activity": "count", "config": {"a": 1}}
    assert names(scenario) == ["First"]


def of_job(service: Service, uuid: str) -> list[Any]:
    """The calls that the engine itself has made for a job."""
    return [call for call in service.all_calls() if call.headers.get("x-cameron-job") == uuid]


# starts


@pytest.mark.parametrize("member", ["data", "input_data"])
def test_a_workflow_is_started_with_data_and_without_a_key(node: Node, service: Service, member: str) -> None:
    for name in ("First", "Second"):
        service.on(name, says(), key=f"no key, {member}")
    answer = node.post("/api/process/InOrder/start", json.dumps({member: {"key": f"no key, {member}"}, "requestor": "bob"}))
    assert answer.status_code == 201, answer.text
    job = node.at(answer.headers["Location"]).done()
    assert job.key == job.uuid == seen(job)["id"]
    assert seen(job)["input_data"] == {"key": f"no key, {member}"}
    assert job.view()["requestor"] == "bob"
    assert [call.json["input_data"] for call in service.calls(f"no key, {member}")] == [{"key": f"no key, {member}"}] * 2


def test_an_idempotency_key_starts_it_once(scenario: Scenario, node: Node) -> None:
    scenario.on("First", says())
    scenario.on("Second", says())
    body, headers = json.dumps({"input_data": {"key": scenario.key}}), {"Idempotency-Key": f"once {scenario.key}"}
    first, second = (node.post("/api/process/InOrder/start", body, headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.headers["Location"] == second.headers["Location"]
    node.at(first.headers["Location"]).done()
    assert names(scenario) == ["First", "Second"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"data": 1, "input_data": 1}', "input_data_twice"),
        ('{"input": {"order": 42}}', "member_unknown"),
        ('{"key": ""}', "key_invalid"),
        ("[]", "batch_empty"),
        ("no JSON", "body_not_json"),
    ],
)
def test_what_cannot_be_meant_is_refused(node: Node, body: str, code: str) -> None:
    assert assert_json_error(node.post("/api/process/InOrder/start", body), 400)["code"] == code


def test_an_unknown_workflow_is_a_404(node: Node) -> None:
    answer = node.post("/api/process/NoWorkflow/start", '{"input_data": 1}')
    assert (answer.status_code, answer.json()) == (404, {"payload": '{"input_data": 1}'})


# definitions


def test_what_is_wrong_with_a_definition_is_told_and_takes_no_other_down(tmp_path: Path, redis: RedisServer, service: Service) -> None:
    bad = [
        workflow("Misspelt", activity("First", requird=True)),
        workflow("Mixed", activity("First", kind="delay")),
        workflow("Odd", activity("First", max_retries=-1)),
    ]
    with libero.node(tmp_path, redis, service, workflow("Good", "consult"), *bad) as node:
        problems = "\n".join(node.get("/health").json()["definitions"]["problems"])
        for words in (("Misspelt.json", "requird", "required"), ("Mixed.json", "delay_s"), ("Odd.json", "max_retries")):
            assert [line for line in problems.splitlines() if all(word in line for word in words)], problems
        assert node.get("/status").json()["processes"] == ["Good"]
        assert (
            "sample/broken.py:7: the module sample.broken cannot be imported, and its activities are missing: sys.exit('no licence')"
            in node.output()
        )
        service.on("consult", document({"data": 1}), key="still")
        assert node.job("Good", {"input_data": {"key": "still"}}).done().status == "done"
