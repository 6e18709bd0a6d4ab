"""Callbacks: a task of kind `wait` has its reply POSTed to a URL of its own, once, in time, to any node that is there."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from .support.answer import reply
from .support.job import Job
from .support.redis_server import RedisServer
from .support.refusal import assert_json_error
from .support.scenario import Scenario
from .support.service import Call
from .support.start_node import LONG_LEASE, StartNode
from .support.waiting import eventually

SETTINGS = {"CAMERON_HTTP_MAX_REPLY_BYTES": "2000", "CAMERON_NODE_LEASE_S": "3"}
CLIENTS = 20


def send(url: str, body: bytes = b'{"data": "yes"}') -> requests.Response:
    """POST a callback. From any thread."""
    return requests.post(url, data=body, timeout=30)


def waiting(*names: str, **members: Any) -> dict[str, Any]:
    """`next_activities` that wait for callbacks."""
    said = {"timeout_s": 600, **members}
    return {"parallelizable": "yes", "definitions": [{"name": name, "kind": "wait", **said} for name in names]}


def started(scenario: Scenario, *names: str, **members: Any) -> Job:
    """A job whose tasks of these names wait, which nobody is told."""
    scenario.on("start", reply(1, next_activities=waiting(*names, **members)))
    return scenario.start()


def url_of(job: Job, task: str) -> str:
    """The callback URL as the job's explanation shows it, once the task waits."""
    return str(eventually(lambda: job.explained().get("callbacks", {}).get(task), f"{task} to wait"))


def test_a_callback_is_the_reply_of_the_task_that_waits(scenario: Scenario) -> None:
    scenario.on("after", reply("after"))
    job = started(scenario, "approval")
    url = url_of(job, "approval")
    assert url.startswith(f"{job.location}/task/approval/callback/")
    next_one = {"parallelizable": "yes", "definitions": [{"name": "after", "url": scenario.url("after")}]}
    answer = requests.post(url, json={"name": "boss", "data": {"ok": True}, "next_activities": next_one}, timeout=30)
    assert (answer.status_code, answer.json()) == (
        200,
        {"process": "scripted", "uuid": job.uuid, "task": "approval", "status": "accepted"},
    )
    job.done()
    assert job.tasks()["approval"]["data"] == {"ok": True}
    assert scenario.calls("after")[0].json == {"key": scenario.key, "data": {"ok": True}, "requestor": "boss"}
    assert [call.activity for call in scenario.calls()] == ["start", "after"]


def test_a_task_and_a_key_of_any_name_have_their_callback(scenario: Scenario) -> None:
    scenario.key = f"a/b é%{scenario.key}"
    job = started(scenario, "ja/nein ü?")
    assert send(url_of(job, "ja/nein ü?")).status_code == 200
    assert job.done().tasks()["ja/nein ü?"]["data"] == "yes"


def test_a_service_that_is_told_the_url_may_answer_before_its_own_reply_has_come(scenario: Scenario) -> None:
    answers: list[requests.Response] = []

    def ask(call: Call) -> Any:
        answers.append(send(call.headers["x-cameron-callback"]))
        return reply("I shall ask")

    scenario.on("ask", ask)
    job = started(scenario, "asked", url=scenario.url("ask"))
    job.done()
    assert [answer.status_code for answer in answers] == [200]
    assert job.tasks()["asked"]["data"] == "yes"
    assert len(scenario.calls("ask")) == 1


def test_a_service_may_send_it_later(scenario: Scenario) -> None:
    scenario.on("ask", reply("I shall ask"))
    job = started(scenario, "asked", url=scenario.url("ask"))
    (call,) = eventually(lambda: scenario.calls("ask"), "the call")
    job.told("callback")
    assert job.status == "running"
    assert send(call.headers["x-cameron-callback"]).status_code == 200
    assert job.done().tasks()["asked"]["data"] == "yes"


def test_the_first_callback_counts_and_no_other(scenario: Scenario) -> None:
    job = started(scenario, "approval", "other")
    url = url_of(job, "approval")
    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(lambda n: (n, send(url, f'{{"data": {n}}}'.encode())), range(CLIENTS)))
    assert Counter(answer.status_code for _, answer in answers) == {200: 1, 409: CLIENTS - 1}
    refused = {answer.json()["error"]["code"] for _, answer in answers if answer.status_code == 409}
    assert refused == {"callback_used"}
    assert send(url_of(job, "other")).status_code == 200
    ((first, _),) = [(n, answer) for n, answer in answers if answer.status_code == 200]
    assert job.done().tasks()["approval"]["data"] == first
    assert assert_json_error(send(url), 409)["code"] == "callback_used"


def test_a_wrong_url_is_a_404_that_tells_nothing(scenario: Scenario) -> None:
    job = started(scenario, "approval", "other")
    url, other = url_of(job, "approval"), url_of(job, "other")
    path, token = url.rsplit("/", 1)
    wrong = [
        f"{path}/{'0' * len(token)}",
        f"{path}/{token.upper()}",
        f"{path}/{token[:-1]}",
        f"{path}/{token}0",
        f"{path}/%C3%A9",
        f"{path}/{other.rsplit('/', 1)[1]}",
        url.replace("/task/approval/", "/task/nobody/"),
        url.replace("/task/approval/", "/task/start/"),
        url.replace(job.uuid, "0" * 32),
        url.replace("/process/scripted/", "/process/unknown/"),
        url.replace(f"/key/{scenario.key}/", "/key/nobody/"),
    ]
    errors = [assert_json_error(send(each), 404) for each in wrong]
    assert len({(error["code"], error["message"]) for error in errors}) == 1
    assert errors[0]["code"] == "callback_not_found"
    assert send(url).status_code == send(other).status_code == 200
    job.done()


def test_only_a_post_is_a_callback(scenario: Scenario) -> None:
    job = started(scenario, "approval")
    url = url_of(job, "approval")
    assert assert_json_error(requests.get(url, timeout=30), 405)["code"] == "method_not_allowed"
    assert send(url).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "body_empty"),
        (b"yes", 400, "body_not_json"),
        (b'"\xff"', 400, "body_not_json"),
        (b'"' + b"x" * 2000 + b'"', 413, "body_too_large"),
    ],
)
def test_what_is_no_reply_at_all_is_refused_and_the_task_waits_on(scenario: Scenario, body: bytes, status: int, code: str) -> None:
    job = started(scenario, "approval")
    url = url_of(job, "approval")
    assert assert_json_error(send(url, body), status)["code"] == code
    assert send(url).status_code == 200
    assert job.done().tasks()["approval"]["data"] == "yes"


def test_a_reply_that_cannot_be_used_fails_the_task_as_any_other(scenario: Scenario) -> None:
    job = started(scenario, "approval")
    assert send(url_of(job, "approval"), b"[1]").status_code == 200
    job.ended()
    assert job.statuses()["approval"] == "error"
    assert "no JSON object" in str(job.error("approval"))


def test_a_callback_that_comes_too_late_is_refused_and_the_task_has_failed(scenario: Scenario) -> None:
    scenario.on("ask", reply("I shall ask"))
    job = started(scenario, "asked", url=scenario.url("ask"), timeout_s=0.3).ended()
    assert job.statuses()["asked"] == "error"
    (call,) = scenario.calls("ask")
    assert assert_json_error(send(call.headers["x-cameron-callback"]), 409)["code"] == "callback_late"
    assert job.statuses()["asked"] == "error"


def test_a_callback_of_a_cancelled_job_is_too_late(scenario: Scenario) -> None:
    job = started(scenario, "approval")
    url = url_of(job, "approval")
    job.verb("cancel")
    job.ended()
    assert assert_json_error(send(url), 409)["code"] == "callback_late"


def test_a_callback_is_taken_by_the_node_that_was_killed_once_it_is_back(scenario: Scenario) -> None:
    job = started(scenario, "approval")
    url = url_of(job, "approval")
    scenario.node.kill()
    with pytest.raises(requests.ConnectionError):
        send(url)
    scenario.node.start()
    assert send(url).status_code == 200
    assert job.done().tasks()["approval"]["data"] == "yes"
    assert len(scenario.calls("start")) == 1


def test_a_callback_is_taken_by_any_node_and_heeded_by_the_one_that_takes_over(
    scenario: Scenario, durable: RedisServer, start_node: StartNode
) -> None:
    durable.client().flushall()
    holder = start_node(durable, scripted=scenario.url("start"))
    scenario.on("start", reply(1, next_activities=waiting("approval")))
    held = holder.job("scripted", {"key": scenario.key})
    url = url_of(held, "approval")
    other = start_node(durable, scripted=scenario.url("start"))
    through_other = other.url + urlsplit(url).path
    holder.kill()  # with the job; its lease holds for a while yet
    assert send(through_other).status_code == 200
    assert assert_json_error(send(through_other), 409)["code"] == "callback_used"
    job = other.at(other.url + urlsplit(held.location).path).done(60)
    assert job.tasks()["approval"]["data"] == "yes"


def test_a_callback_that_another_node_takes_reaches_the_one_that_holds_the_job(
    scenario: Scenario, durable: RedisServer, start_node: StartNode
) -> None:
    holder = start_node(durable, LONG_LEASE, scripted=scenario.url("start"))
    scenario.on("start", reply(1, next_activities=waiting("approval")))
    job = holder.job("scripted", {"key": scenario.key})
    path = urlsplit(url_of(job, "approval")).path
    other = start_node(durable, LONG_LEASE, scripted=scenario.url("start"))
    assert send(other.url + path).status_code == 200
    assert job.done().tasks()["approval"]["data"] == "yes"


def test_no_log_has_a_token(scenario: Scenario) -> None:
    job = started(scenario, "approval")
    url = url_of(job, "approval")
    assert send(url).status_code == 200
    job.done()
    token = url.rsplit("/", 1)[1]
    assert "callback/..." in scenario.node.output()
    assert token not in scenario.node.output()
