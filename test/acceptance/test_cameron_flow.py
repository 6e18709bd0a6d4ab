"""How a job grows: requests to activities, parallel and sequential next activities, depth and width."""

import json
import re
from typing import Any

import pytest

from .support.answer import Answer, document, follow, http, raw, reply
from .support.scenario import Scenario
from .support.service import Call

SETTINGS = {"CAMERON_HTTP_MAX_REPLY_BYTES": "1048576"}


def chain(scenario: Scenario, *activities: str) -> None:
    """start, then these activities, each replying the next."""
    everyone = ["start", *activities]
    for current, after in zip(everyone, [*activities, ""], strict=True):
        following = follow([(after, scenario.url(after))]) if after else None
        scenario.on(current, reply(f"data of {current}", name=f"{current}_name", next_activities=following))


def names(calls: list[Call]) -> list[str]:
    return [call.activity for call in calls]


def test_the_start_activity_gets_the_clients_request_in_order(scenario: Scenario) -> None:
    scenario.on("start", reply())
    scenario.run(data={"b": [1, "é"], "a": None}, requestor="bob_the_thin").done()
    (call,) = scenario.calls()
    assert list(call.json) == ["key", "data", "requestor"]
    assert call.json == {"key": scenario.key, "data": {"b": [1, "é"], "a": None}, "requestor": "bob_the_thin"}
    assert list(call.json["data"]) == ["b", "a"]


def test_a_next_activity_gets_the_parents_data_and_name(scenario: Scenario) -> None:
    parent = {"who_id": scenario.key, "list": [1, 2.5, None, "ü"]}
    scenario.on("start", reply(parent, name="whois", next_activities=follow([("a", scenario.url("a"))])))
    scenario.on("a", reply("text", next_activities=follow([("b", scenario.url("b"))])))
    scenario.on("b", reply())
    scenario.run().done()
    _, a, b = scenario.calls()
    assert a.json == {"key": scenario.key, "data": parent, "requestor": "whois"}
    assert list(a.json) == ["key", "data", "requestor"]
    assert b.json == {"key": scenario.key, "data": "text", "requestor": "a"}


def test_the_headers_name_process_job_task_and_attempt(scenario: Scenario) -> None:
    chain(scenario, "a")
    job = scenario.run().done()
    for call, task in zip(scenario.calls(), ["start", "a"], strict=True):
        headers = call.headers
        assert headers["content-type"].startswith("application/json")
        assert headers["idempotency-key"] == f"{job.uuid}/{task}"
        assert headers["x-cameron-process"] == "scripted"
        assert headers["x-cameron-job"] == job.uuid
        assert headers["x-cameron-task"] == task
        assert headers["x-cameron-attempt"] == "1"
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", headers["traceparent"])


def test_five_activities_are_under_way_at_the_same_time(scenario: Scenario) -> None:
    gate = scenario.gate()
    acts = [f"act_{n}" for n in range(1, 6)]
    scenario.on("start", reply(1, next_activities=follow([(act, scenario.url(act)) for act in acts])))
    for act in acts:
        scenario.on(act, reply(act).held(gate))
    job = scenario.start()
    scenario.arrived(6)
    running = {name: task["status"]["current"] for name, task in job.tasks().items()}
    gate.open()
    job.done()
    assert running == {"start": "done", **dict.fromkeys(acts, "running")}


def test_five_activities_of_a_second_overlap(scenario: Scenario) -> None:
    acts = [f"act_{n}" for n in range(1, 6)]
    scenario.on("start", reply(1, next_activities=follow([(act, scenario.url(act)) for act in acts])))
    for act in acts:
        scenario.on(act, reply(act).after(1.0))
    scenario.run().done()
    calls = scenario.calls()[1:]
    assert max(call.arrived for call in calls) < min(call.replied or 0.0 for call in calls)


def test_sequential_activities_start_in_order_each_after_the_whole_subtree_before_it(scenario: Scenario) -> None:
    scenario.on("start", reply(1, next_activities=follow([(n, scenario.url(n)) for n in ("a", "b", "c")], "no")))
    scenario.on("a", reply(2, next_activities=follow([(n, scenario.url(n)) for n in ("a1", "a2")])))
    scenario.on("a1", reply(3, next_activities=follow([("a1x", scenario.url("a1x"))])).after(0.1))
    scenario.on("a1x", reply(4).after(0.2))
    scenario.on("a2", reply(5).after(0.05))
    scenario.on("b", reply(6, next_activities=follow([(n, scenario.url(n)) for n in ("b1", "b2")], "no")))
    scenario.on("b1", reply(7).after(0.1))
    scenario.on("b2", reply(8).after(0.1))
    scenario.on("c", reply(9))
    job = scenario.run().done()
    calls = {call.activity: call for call in scenario.calls()}
    assert len(scenario.calls()) == 9
    for later, earlier in [("b", "a"), ("b", "a1"), ("b", "a1x"), ("b", "a2"), ("b2", "b1"), ("c", "b"), ("c", "b1"), ("c", "b2")]:
        assert calls[later].arrived >= (calls[earlier].replied or float("inf")), (later, earlier)
    assert str(job.field("job.tasks")).split(",") == ["start", "a", "b", "c", "a1", "a2", "a1x", "b1", "b2"]


def test_a_sequence_goes_on_after_an_error(scenario: Scenario) -> None:
    scenario.on("start", reply(1, name="parent", next_activities=follow([(n, scenario.url(n)) for n in ("a", "b")], "no")))
    scenario.on("a", Answer(b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n"))
    scenario.on("b", reply(2))
    job = scenario.run().done()
    assert job.field("task.a.status.current") == "error"
    assert job.field("task.b.status.current") == "done"
    assert scenario.calls("b")[0].json == {"key": scenario.key, "data": 1, "requestor": "parent"}


def test_a_waiting_task_is_shown_as_scheduled_and_has_no_fields(scenario: Scenario) -> None:
    gate = scenario.gate()
    scenario.on("start", reply(1, next_activities=follow([(n, scenario.url(n)) for n in ("a", "b")], "no")))
    scenario.on("a", reply(2).held(gate))
    scenario.on("b", reply(3))
    job = scenario.start()
    scenario.arrived(2)
    waiting, stored = job.tasks()["b"], job.hash()
    gate.open()
    job.done()
    assert waiting == {"name": "b", "status": {"current": "scheduled", "time": None}, "data": None}
    assert stored["job.tasks"] == "start,a,b"
    assert not [field for field in stored if field.startswith("task.b.")]


def test_a_chain_of_fifty_is_followed_to_its_end(scenario: Scenario) -> None:
    activities = [f"deep_{n}" for n in range(1, 51)]
    chain(scenario, *activities)
    job = scenario.run(timeout_s=60).done()
    assert names(scenario.calls()) == ["start", *activities]
    assert str(job.field("job.tasks")).split(",") == ["start", *activities]
    assert [call.json["requestor"] for call in scenario.calls()[1:]] == [f"{name}_name" for name in ["start", *activities[:-1]]]


@pytest.mark.parametrize("parallelizable", ["yes", "no"])
def test_a_thousand_next_activities_of_one_reply_are_all_called_once(scenario: Scenario, parallelizable: str) -> None:
    wide = [f"wide_{n}" for n in range(1000)]
    scenario.on("start", reply("d", next_activities=follow([(name, scenario.url("wide")) for name in wide], parallelizable)))
    scenario.on("wide", reply({"ok": True}))
    job = scenario.run(timeout_s=120).done()
    tasks = [call.headers["x-cameron-task"] for call in scenario.calls("wide")]
    assert sorted(tasks) == sorted(wide)
    assert parallelizable == "yes" or tasks == wide
    assert str(job.field("job.tasks")).split(",") == ["start", *wide]
    view = job.view()
    assert {task["status"]["current"] for task in view["tasks"]} == {"done"}
    assert len(job.hash()) == 8 + 5 * 1001


def test_tasks_of_one_name_are_recorded_apart(scenario: Scenario) -> None:
    same = [("twin", scenario.url("first")), ("twin", scenario.url("second")), ("start", scenario.url("third"))]
    scenario.on("start", reply("d", next_activities=follow(same)))
    for activity in ("first", "second", "third"):
        scenario.on(activity, reply(activity))
    job = scenario.run().done()
    assert job.field("job.tasks") == "start,twin,twin#2,start#2"
    recorded = {task: json.loads(str(job.field(f"task.{task}.output.data"))) for task in ("twin", "twin#2", "start#2")}
    assert recorded == {"twin": "first", "twin#2": "second", "start#2": "third"}
    assert len({call.headers["idempotency-key"] for call in scenario.calls()}) == 4


def test_a_loop_gets_a_new_name_each_time_round(scenario: Scenario) -> None:
    again = reply(1, next_activities=follow([("again", scenario.url("again"))]))
    scenario.on("start", again)
    scenario.on("again", again, again, again, reply("enough"))
    job = scenario.run().done()
    assert job.field("job.tasks") == "start,again,again#2,again#3,again#4"
    assert job.tasks()["again#4"]["data"] == "enough"


def test_a_reply_of_a_megabyte_is_kept_shown_and_passed_on(scenario: Scenario) -> None:
    large = "é" + "x" * 999_000
    scenario.on("start", reply(large, next_activities=follow([("a", scenario.url("a"))])))
    scenario.on("a", reply({"length": len(large)}))
    job = scenario.run().done()
    assert json.loads(str(job.field("task.start.output.data"))) == large
    assert job.tasks()["start"]["data"] == large
    assert scenario.calls("a")[0].json["data"] == large


@pytest.mark.parametrize("absent", [None, "undefined"])
def test_next_activities_may_be_null_or_undefined(scenario: Scenario, absent: Any) -> None:
    body = json.dumps({"data": {"x": 1}, "next_activities": absent}).encode()
    scenario.on("start", Answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body))
    job = scenario.run().done()
    assert job.field("task.start.status.current") == "done"
    assert job.field("task.start.output.next_activities") == "undefined"


def test_next_activities_without_any_definition_end_the_branch(scenario: Scenario) -> None:
    scenario.on("start", reply(1, next_activities=follow([])))
    job = scenario.run().done()
    assert job.field("task.start.status.current") == "done"
    assert job.field("job.tasks") == "start"


@pytest.mark.parametrize("status", [200, 201, 202, 203, 206, 299])
def test_any_2xx_with_a_json_object_is_success(scenario: Scenario, status: int) -> None:
    scenario.on("start", Answer(b'HTTP/1.1 %d Whatever\r\nContent-Length: 10\r\n\r\n{"data":1}' % status))
    job = scenario.run().done()
    assert job.field("task.start.status.current") == "done"


def test_a_reply_without_data_passes_null_on(scenario: Scenario) -> None:
    nothing = json.dumps({"next_activities": follow([("a", scenario.url("a"))])}).encode()
    scenario.on("start", Answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(nothing) + nothing))
    scenario.on("a", Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
    job = scenario.run().done()
    assert scenario.calls("a")[0].json == {"key": scenario.key, "data": None, "requestor": "start"}
    assert job.tasks()["a"] == {"name": "a", "status": job.tasks()["a"]["status"], "data": None}
    assert job.field("task.a.status.current") == "done"


OLD_WAYS = {
    "HTTP/1.0, until it closes": raw(b'HTTP/1.0 200 OK\r\n\r\n{"data": "ok"}'),
    "an interim reply first": http(200, b'{"data": "ok"}', before=b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"),
    "another content type": http(200, b'{"data": "ok"}', {"Content-Type": "text/plain; charset=latin-1"}),
    "spaces around it": http(200, b'\r\n  {"data": "ok"}\n\n'),
}


@pytest.mark.parametrize("way", OLD_WAYS)
def test_replies_of_simple_servers_are_read(scenario: Scenario, way: str) -> None:
    scenario.on("start", OLD_WAYS[way])
    assert scenario.run().done().tasks()["start"]["data"] == "ok"


def test_control_characters_in_data_are_kept(scenario: Scenario) -> None:
    odd = {"nul \x00": 'a\x00b\x1f\x7f\u2028\\"'}
    scenario.on("start", reply(odd, next_activities=follow([("a", scenario.url("a"))])))
    scenario.on("a", reply(odd))
    job = scenario.run(data=odd).done()
    assert [call.json["data"] for call in scenario.calls()] == [odd, odd]
    assert job.tasks()["a"]["data"] == odd


def test_unknown_fields_of_a_reply_do_no_harm(scenario: Scenario) -> None:
    definitions = [{"name": "a", "url": scenario.url("a"), "colour": "red"}]
    following = {"parallelizable": "yes", "definitions": definitions, "version": 2}
    scenario.on("start", document({"data": 1, "next_activities": following, "took_ms": 5}))
    scenario.on("a", reply(2))
    job = scenario.run().done()
    assert job.field("job.tasks") == "start,a"
    assert json.loads(str(job.field("task.start.output.next_activities"))) == following


def test_a_chunked_reply_without_a_content_type_is_read(scenario: Scenario) -> None:
    scenario.on("start", Answer(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"dat\r\n9\r\na": "ok"}\r\n0\r\n\r\n'))
    assert scenario.run().done().tasks()["start"]["data"] == "ok"
