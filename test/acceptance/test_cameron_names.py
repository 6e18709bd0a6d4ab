"""Keys and task names of every kind make the whole way: URL, Redis, headers and back."""

import json

import pytest

from .support.answer import document, follow, reply
from .support.scenario import Scenario
from .support.service import Service

KEYS = [
    "(id,007)",
    "plain",
    "with space",
    " leading and trailing ",
    "a/b/c",
    "/",
    "//",
    "../../etc/passwd",
    "a:b:c",
    "{braces}",
    "{a}{b}",
    "{",
    "käse",
    "名前",
    "🐍🚀",
    "e\u0301 combining",
    "per%cent",
    "%2F",
    "%",
    "%zz",
    "a+b",
    "a?b=c",
    "a#b",
    "a&b;c=d",
    '"quoted"',
    "it's",
    "back\\slash",
    "*",
    "[a-z]?",
    "...",
    "start",
    "job",
    "<b>",
    "k" * 256,
    "ü" * 256,
    "🐍" * 256,
    "\u00a0",
    "\u202e",
    "\ufeff",
]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_comes_back_by_the_location_and_stands_literally_in_redis(scenario: Scenario, service: Service, key: str) -> None:
    service.on("start", reply(key, next_activities=follow([("a", service.url("a"))])), key=key)
    service.on("a", reply(1), key=key)
    job = scenario.node.job("scripted", {"key": key, "data": None, "requestor": key}).done()
    assert job.location.isascii()
    assert job.key == key
    assert job.field("job.key") == key
    assert job.keys() == {f"cameron:process:scripted:key:{key}:job:{job.uuid}"}
    view = job.view()
    assert view["key"] == key
    assert view["requestor"] == key
    assert [call.json["key"] for call in service.calls(key)[-2:]] == [key, key]
    assert service.calls(key)[-1].json["data"] == key


def test_keys_are_case_sensitive(scenario: Scenario, service: Service) -> None:
    service.on("start", reply(1))
    lower = scenario.node.job("scripted", {"key": "case"}).done()
    upper = scenario.node.job("scripted", {"key": "CASE"}).done()
    assert lower.hash_key != upper.hash_key
    assert lower.view()["key"] == "case"
    assert upper.view()["key"] == "CASE"


TASK_NAMES = [
    "with space",
    "a:b",
    "a:error",
    "status.current",
    "käse",
    "名前",
    "🐍",
    "a/b",
    "{x}",
    "per%cent",
    '"quoted"',
    "n" * 128,
    "ü" * 128,
    "🐍" * 128,
    "(1)",
    "*",
    "\u00a0",
]


@pytest.mark.parametrize("task", TASK_NAMES)
def test_a_task_name_is_recorded_as_it_is(scenario: Scenario, task: str) -> None:
    scenario.on("start", reply(1, next_activities=follow([(task, scenario.url("odd"))])))
    scenario.on("odd", reply({"done": task}))
    job = scenario.run().done()
    assert job.field("job.tasks") == f"start,{task}"
    assert json.loads(str(job.field(f"task.{task}.output.data"))) == {"done": task}
    assert job.tasks()[task]["status"]["current"] == "done"
    (call,) = scenario.calls("odd")
    assert call.headers["x-cameron-task"].isascii()
    assert call.headers["idempotency-key"].isascii()


@pytest.mark.parametrize("task", ["with space", "käse", "a:b", "🐍"])
def test_the_error_of_an_oddly_named_task_has_its_key(scenario: Scenario, task: str) -> None:
    scenario.on("start", reply(1, next_activities=follow([(task, scenario.url("odd"))])))
    scenario.on("odd", document({"why": "not"}, status=500))
    job = scenario.run().done()
    assert job.keys() == {job.hash_key, f"{job.hash_key}:{task}:error"}
    assert job.error(task) == job.tasks()[task]["data"]


def test_odd_names_have_idempotency_keys_of_their_own(scenario: Scenario) -> None:
    odd = ["a b", "a%20b", "a+b", "ä", "%C3%A4", "a/b", "a%2Fb"]
    scenario.on("start", reply(1, next_activities=follow([(name, scenario.url("odd")) for name in odd])))
    scenario.on("odd", reply(2))
    scenario.run().done()
    assert len({call.headers["idempotency-key"] for call in scenario.calls()}) == len(odd) + 1
