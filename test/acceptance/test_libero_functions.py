"""Activities that are functions, with what their annotations say; and Python activities as steps of all the other dialects."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest

from .support import libero, mender
from .support.answer import document, reply
from .support.job import Job
from .support.libero import PERMANENT_FAILURE, SUCCEEDED, activity, begin, states, workflow
from .support.node import Node, definitions
from .support.redis_server import RedisServer
from .support.scenario import Scenario
from .support.service import Service
from .support.waiting import eventually
from .test_machinery import register, send, values
from .test_machinery import seen as event_seen

CONFIG = {"each": 2.5, "currency": "EUR"}
AGAIN = "{retry, [{attempts, 3}, {delay_s, 0.01}, {on, [exception]}]}"
WORKFLOWS = (
    workflow("Price", "price", config=CONFIG),
    workflow("Promised", "promised"),
    workflow("Upper", "upper"),
    workflow("Consult", activity("consult", retry_delay_s=0, max_retries=2)),
    workflow("Whoami", "whoami", config=CONFIG),
)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service) -> Iterator[Node]:
    """A node with processes of all dialects; those of machinery are registered by the tests."""
    with redis.client() as client:
        client.flushall()
    folder = tmp_path_factory.mktemp("node")
    there = libero.write(folder / "definitions", *WORKFLOWS)
    mender.write(there, mender_workflow(service))
    tickets = f'{{workflows, [{{workflow, {{name, bar}}, {{start_point_url, "{service.url("start")}"}}}}]}}.\n'
    processes = definitions(dict.fromkeys(["scripted", "again"], service.url("start")), {"again": AGAIN})
    running = Node(folder, redis.url, processes + tickets, libero.settings(service, there))
    try:
        yield running.start()
    finally:
        running.stop()


def mender_workflow(service: Service) -> dict[str, Any]:
    """One whose Python task works on what was sent, and whose next task tells what came of it."""
    order = {"to": "${workflow.input.to}", "text": "for ${workflow.input.to}"}
    return mender.flow(
        "capitals",
        {"name": "upper", "type": "python", "python": {"activity": "upper", "data": order}},
        mender.task("tell", service.url("tell"), body={"key": "${workflow.input.key}", "said": "${upper.json.text}"}),
        inputs=("key", "to"),
    )


def ended(node: Node, name: str, data: Any) -> Job:
    """A job with that input data, which has ended."""
    return node.job(name, {"key": "k", "data": data}).ended()


def only(job: Job) -> dict[str, Any]:
    """The one activity of a workflow."""
    [one] = libero.activities(job).values()
    return one


# what annotations say


def test_data_are_converted_to_what_the_annotation_says_and_what_is_returned_back_to_json(node: Node) -> None:
    job = ended(node, "Price", {"item": "lamp", "pieces": 3})
    assert (only(job)["state"], only(job)["result"]) == (SUCCEEDED, [7.5, "EUR"])
    assert only(ended(node, "Price", {"item": "lamp"}))["result"] == [2.5, "EUR"]
    assert only(ended(node, "Upper", {"a": "ünï"}))["result"] == {"a": "ÜNÏ"}


@pytest.mark.parametrize(
    ("name", "data", "texts"),
    [
        ("Price", {"pieces": 1}, ["price cannot take the data it was given", "item", "sample/orders.py:"]),
        ("Price", {"item": "lamp", "pieces": "three"}, ["price cannot take the data it was given", "int", "$.pieces"]),
        ("Price", None, ["price cannot take the data it was given", "null"]),
        ("Upper", {"a": 1}, ["upper cannot take the data it was given", "str", "$[...]"]),
        ("Promised", {"item": "lamp"}, ["promised returned what is no JSON, or not what its annotation says", "int"]),
    ],
)
def test_what_does_not_fit_is_a_permanent_failure_with_its_place(node: Node, name: str, data: Any, texts: list[str]) -> None:
    job = ended(node, name, data)
    assert states(job) == ["Failed", PERMANENT_FAILURE]
    assert [text for text in texts if text not in only(job)["error"]] == []


def test_a_function_knows_its_run(node: Node) -> None:
    job = ended(node, "Whoami", 1)
    assert only(job)["result"] == {
        "process": "Whoami",
        "job": job.uuid,
        "key": "k",
        "task": "whoami",
        "attempt": 1,
        "config": CONFIG,
        "idempotency_key": f"{job.uuid}/whoami",
    }


def test_a_temporary_failure_is_tried_again_with_the_same_idempotency_key(scenario: Scenario) -> None:
    scenario.on("consult", document({"temporary": "busy"}), document({"data": [1, {"a": None}]}))
    job = begin(scenario, "Consult").done()
    assert (only(job)["result"], only(job)["attempts"]) == ([1, {"a": None}], 2)
    said = [call.json for call in scenario.calls()]
    assert [one["attempt"] for one in said] == [1, 2]
    assert [one["idempotency_key"] for one in said] == [f"{job.uuid}/consult"] * 2
    assert [one["context_key"] for one in said] == [scenario.key] * 2
    [failed] = [event for event in libero.events(job) if event["event"] == "task.attempt_failed"]
    assert (failed["kind"], failed["text"].startswith("consult: busy (sample/told.py:")) == ("temporary_failure", True)


def test_a_permanent_failure_is_not_tried_again(scenario: Scenario) -> None:
    scenario.on("consult", document({"permanent": "never"}))
    job = begin(scenario, "Consult").ended()
    assert only(job)["error"].startswith("consult: never (sample/told.py:")
    assert len(scenario.calls()) == 1


# the other dialects


def next_one(scenario: Scenario, **members: Any) -> None:
    """Let the start activity be followed by a Python activity."""
    follows = {"parallelizable": "yes", "definitions": [{"name": "step", "kind": "python", **members}]}
    scenario.on("start", reply({"key": scenario.key, "item": "lamp"}, next_activities=follows))


def test_a_next_activity_of_a_process_may_be_python(scenario: Scenario) -> None:
    next_one(scenario, activity="upper")
    job = scenario.run()
    assert job.tasks()["step"]["data"] == {"key": scenario.key.upper(), "item": "LAMP"}
    assert job.status == "done"
    assert len(job.hash()) == 8 + 2 * 5


def test_it_has_no_config_and_its_own_tasks_name(scenario: Scenario) -> None:
    next_one(scenario, activity="whoami", isolation="process", timeout_s=30)
    job = scenario.run()
    said = job.tasks()["step"]["data"]
    assert (said["process"], said["task"], said["config"]) == ("scripted", "step", {})
    assert said["idempotency_key"] == f"{job.uuid}/step"


def test_its_temporary_failures_are_tried_again_as_far_as_its_process_has_it(scenario: Scenario) -> None:
    next_one(scenario, activity="consult")
    scenario.on("consult", document({"temporary": "busy"}))
    job = scenario.run()
    assert str(job.error("step")).startswith("consult: busy (sample/told.py:")
    assert [call.json["attempt"] for call in scenario.calls("consult")] == [1, 2, 3]


def test_its_exceptions_are_tried_again_only_where_its_process_says_so(scenario: Scenario) -> None:
    next_one(scenario, activity="consult")
    scenario.on("consult", document({"no": "data"}), document({"no": "data"}), document({"data": 1}))
    assert str(scenario.run().error("step")).startswith("consult raised KeyError: 'data' (sample/told.py:")
    job = scenario.start(process="again").done()
    assert job.tasks()["step"]["data"] == 1
    assert [call.json["attempt"] for call in scenario.calls("consult")] == [1, 1, 2]


def test_one_that_nobody_has_is_the_tasks_error(scenario: Scenario) -> None:
    next_one(scenario, activity="uper")
    error = str(scenario.run().error("step"))
    assert error.startswith("there is no Python activity 'uper' in 'sample' (")
    assert "; did you mean 'upper'?" in error


def test_a_class_may_be_one_and_its_word_is_its_output(scenario: Scenario) -> None:
    next_one(scenario, activity="First")
    scenario.on("First", libero.says())
    job = scenario.run()
    assert job.tasks()["step"]["data"] == SUCCEEDED
    assert scenario.calls("First")[0].json["input_data"] == {"key": scenario.key, "item": "lamp"}


def located(node: Node, path: str, body: Mapping[str, Any]) -> Any:
    """The document of a job that has ended, of whatever dialect."""
    answer = node.post(path, json.dumps(body))
    assert answer.status_code == 201, answer.text
    location = urlsplit(answer.headers["Location"]).path

    def look() -> Any:
        said = node.get(location).json()
        word = said["status"]["current"] if isinstance(said["status"], dict) else said["status"]
        return said if word in ("done", "error", "failed") else None

    return eventually(look, "the job to end")


def test_a_step_of_a_ticket_may_be_python(scenario: Scenario, node: Node) -> None:
    steps = [{"name": "pay", "kind": "python", "activity": "upper"}]
    scenario.on("start", document({"key": scenario.key, "name": "x", "data": {"a": "b"}, "next": steps, "parallel": "no"}))
    said = located(node, "/api/workflow/bar/start", {"key": scenario.key, "data": 1})
    assert {task["name"]: task["data"] for task in said["tasks"]}["pay"] == {"a": "B"}


def test_a_task_of_menders_workflows_may_be_python(scenario: Scenario, node: Node) -> None:
    scenario.on("tell", document({}))
    said = located(node, "/api/workflow/capitals", {"key": scenario.key, "to": "ann"})
    assert said["status"] == "done"
    assert scenario.calls("tell")[0].json["said"] == "FOR ANN"
    failed = located(node, "/api/workflow/capitals", {"key": scenario.key, "to": 1})
    assert failed["status"] == "failed"
    assert "upper cannot take the data it was given" in json.dumps(failed["results"][0])


def test_a_service_of_machinery_may_be_python(scenario: Scenario, node: Node) -> None:
    text = values(message="string")
    register(node, "s", {"name": "loud", "kind": "python", "activity": "upper", "inputs": text, "outputs": text})
    flow = register(node, "w", {"name": "loudly", "services": ["loud", "loud"], "inputs": text, "outputs": text})
    event = event_seen(send(node, flow, {"message": "hey"}))
    assert (event["status"], event["outputs"]) == ("done", {"message": "HEY"})
    assert '[/"loud' in node.get(f"/w/{flow}.mmd").text  # its picture tells the kind by the shape
    register(node, "s", {"name": "price", "kind": "python", "activity": "promised", "inputs": values(item="string"), "outputs": text})
    bad = register(node, "w", {"name": "priced", "services": ["price"], "inputs": values(item="string"), "outputs": text})
    failed = event_seen(send(node, bad, {"item": "lamp"}))
    assert failed["status"] == "error"
    assert "promised returned what is no JSON" in failed["error"]
