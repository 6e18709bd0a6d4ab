"""Jobs run in simulated time, as a test runs them."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from cameron.errors import FieldErrors, InvalidRequest, MissingInputs
from cameron.testing import (
    BadDefinition,
    CalledBack,
    FailedWith,
    Lasts,
    MissingStub,
    OrderNotKept,
    Project,
    Replied,
    SimulationError,
    Simulator,
    TooManyCalls,
    UnknownProcess,
    UnknownTask,
    UnusedStubs,
)

from .growing import delay, growing, wait

TEXT = [{"name": "message", "type": "string"}]
PROJECT = Path(__file__).parents[3]


def machinery(simulator: Simulator, **service: Any) -> None:
    simulator.define("machinery", {"name": "upper", "address": "http://upper.test", "inputs": TEXT, "outputs": TEXT, **service})
    simulator.define("machinery", {"name": "shout", "services": ["upper"], "inputs": TEXT, "outputs": TEXT})


# what is run


def test_a_job_grows_by_its_replies_and_is_told_task_by_task(simulator: Simulator) -> None:
    stubs = {"start": growing("a", "a", data={"n": 1}), "a": {"data": "x"}, "a#2": Replied(500, "no luck")}
    job = simulator.run("foo", 7, key="k", requestor="me", stubs=stubs)
    assert (job.status, job.error, job.seconds, job.key) == ("done", "", 0.0, "k")
    assert [(task.name, task.status, task.data, task.error, task.parent) for task in job.tasks.values()] == [
        ("start", "done", {"n": 1}, "", None),
        ("a", "done", "x", "", "start"),
        ("a#2", "error", None, "http://foo.test/a replied 500: no luck", "start"),
    ]
    assert job.calls[0].data == {"key": "k", "data": 7, "requestor": "me"}
    assert job.calls[1].data == {"key": "k", "data": {"n": 1}, "requestor": "start"}
    assert (job.shown["requestor"], [task["name"] for task in job.shown["tasks"]]) == ("me", ["start", "a", "a#2"])
    assert job.fields["task.a#2.status.current"] == "error"
    assert str(job).splitlines()[0] == "job of foo, key 'k': done after 0 s"
    assert repr(job) == "<job of foo: done after 0 s (start done, a done, a#2 error)>"


def test_calls_bear_the_headers_that_the_engine_sends(simulator: Simulator) -> None:
    [call] = simulator.run("foo", stubs={"start": {}}).calls
    assert (call.method, call.target, call.headers["X-Cameron-Task"]) == ("POST", "http://foo.test/start", "start")
    assert call.headers["Idempotency-Key"] == call.idempotency_key == f"{call.job}/start"
    assert repr(call) == "<call of start at 0 s: POST http://foo.test/start>"


def test_hours_pass_in_no_time(simulator: Simulator) -> None:
    simulator.define(
        "cameron",
        {"name": "slow", "start_activity_url": "http://x.test", "options": {"retry": {"attempts": 4, "delay_s": 600, "cap_s": 3600}}},
    )
    began_s = time.monotonic()
    busy = Replied(503, "busy", retry_after="60")
    job = simulator.run("slow", stubs={"start": [busy, FailedWith("refused"), busy, growing(delay(3600))]}, chance=0.5)
    assert time.monotonic() - began_s < 10
    assert job.seconds == (60 + 300) + 600 + (60 + 1200) + 3600
    assert [call.at_s for call in job.calls] == [0, 360, 960, 2220]
    assert job.words("start").count("task.attempt_failed") == 3


def test_chance_moves_the_pauses_and_nothing_else_does(simulator: Simulator) -> None:
    stubs = {"start": [FailedWith("refused"), {}]}
    assert [simulator.run("foo", stubs=stubs, chance=chance).seconds for chance in (0.0, 0.5, 0.5)] == [0.0, 0.25, 0.25]


def test_a_run_is_the_same_each_time(simulator: Simulator) -> None:
    stubs = {"start": growing("a", "b", delay(5)), "a": [FailedWith("refused"), growing("c")], "b": Lasts(0.25, {}), "c": Replied(500)}
    one, other = (simulator.run("foo", stubs=stubs) for _ in range(2))
    assert one._replace(uuid="", calls=(), shown=None) == other._replace(uuid="", calls=(), shown=None)


def test_what_takes_longer_than_it_may_is_a_timeout(simulator: Simulator) -> None:
    job = simulator.run("foo", stubs={"start": Lasts(float("inf"), {})})
    assert (job.tasks["start"].status, job.seconds) == ("error", 300.0)
    assert job.tasks["start"].error == "timeout: nothing whole came of http://foo.test/start within 300 s"


def test_a_job_ends_when_its_own_time_is_over(simulator: Simulator) -> None:
    simulator.define("cameron", {"name": "short", "start_activity_url": "http://x.test", "options": {"timeout_s": 100}})
    job = simulator.run("short", stubs={"start": growing(delay(3600), "a"), "a": Lasts(200, {})}, order=[])
    assert (job.status, job.seconds, job.tasks["rest"].status) == ("error", 100.0, "error")
    assert job.error.startswith("not finished within the job's 100 s")


def test_a_job_that_names_itself_for_ever_ends_at_its_depth(simulator: Simulator) -> None:
    job = simulator.run("foo", stubs={"http://foo.test/*": growing("again")})
    assert (job.status, len(job.tasks)) == ("done", 1000)
    assert "deeper than 1000" in list(job.tasks.values())[-1].error


def test_a_job_of_more_calls_than_anybody_tests_is_an_error(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cameron.testing.outside.CALLS_MAX", 5)
    with pytest.raises(TooManyCalls, match="has made 5 calls"):
        simulator.run("foo", stubs={"http://foo.test/*": growing("again")})
    monkeypatch.setattr("cameron.testing.simulation.HAPPENINGS_MAX", 3)
    with pytest.raises(TooManyCalls, match="after 3 happenings"):
        simulator.run("foo", stubs={"http://foo.test/*": growing("again")})


def test_history_is_told_as_clients_are_told_it(simulator: Simulator) -> None:
    job = simulator.run("foo", stubs={"start": [FailedWith("refused", "nobody there"), {}]})
    assert job.words() == [
        "job.accepted", "job.started", "task.called", "task.attempt_failed", "task.delayed", "task.called", "task.done", "job.ended",
    ]  # fmt: skip
    assert job.events[3] == {"at_s": 0.0, "event": "task.attempt_failed", "task": "start", "kind": "refused", "text": "nobody there"}
    assert job.events[4] == {"at_s": 0.0, "event": "task.delayed", "task": "start", "until_s": 0.25}
    assert job.events[-1] == {"at_s": 0.25, "event": "job.ended", "status": "done"}


# the dialects


def test_a_chain_of_requests_that_templates_make(simulator: Simulator) -> None:
    tasks = [
        {"name": "find", "type": "http", "taskdef": {"uri": "http://x.test/${workflow.input.id}", "method": "GET"}},
        {"name": "skip", "type": "http", "requires": ["${workflow.input.name}"], "taskdef": {"uri": "http://x.test/skip"}},
        {"name": "tell", "type": "http", "retries": 1, "taskdef": {"uri": "http://x.test/tell", "json": {"was": "${find.json.name}"}}},
    ]
    simulator.define("mender", {"name": "look", "inputParameters": ["id", "name"], "tasks": tasks})
    job = simulator.run("look", {"id": "7", "name": ""}, stubs={"http://x.test/7": {"name": "n"}, "tell": [Replied(500), Replied(503)]})
    assert (job.status, [task.status for task in job.tasks.values()]) == ("error", ["done", "skipped", "error"])
    assert [(call.task, call.data) for call in job.calls] == [("find", None), ("tell", {"was": "n"}), ("tell", {"was": "n"})]
    assert (job.error, job.shown["status"]) == ("tell: http://x.test/tell replied 503 (2 attempts)", "failed")


def test_registered_services_feed_one_another(simulator: Simulator) -> None:
    machinery(simulator)
    simulator.define("machinery", {"name": "loud", "services": ["upper", "upper"], "inputs": TEXT, "outputs": TEXT})
    job = simulator.run("loud", {"message": "a"}, stubs={"upper": lambda data: {"message": data["message"] + "!"}})
    assert job.shown["outputs"] == {"message": "a!!"}


def test_a_service_that_promises_a_callback_is_waited_for(simulator: Simulator) -> None:
    machinery(simulator)
    job = simulator.run("shout", {"message": "a"}, stubs={"upper": CalledBack({"message": "A"}, after_s=600)})
    assert (job.shown["outputs"], job.seconds) == ({"message": "A"}, 600.0)
    assert job.words("upper") == ["task.called", "task.waits", "task.done"]
    assert job.calls[0].callback_url == job.calls[0].headers["X-Cameron-Callback"] != ""


def test_a_callback_that_is_quicker_than_the_reply_counts(simulator: Simulator) -> None:
    machinery(simulator)
    job = simulator.run("shout", {"message": "a"}, stubs={"upper": Lasts(60, CalledBack({"message": "A"}, after_s=1))})
    assert (job.shown["outputs"], job.seconds) == ({"message": "A"}, 1.0)


def test_what_a_callback_gets_wrong_is_not_asked_for_again(simulator: Simulator) -> None:
    machinery(simulator)
    job = simulator.run("shout", {"message": "a"}, stubs={"upper": CalledBack({"massage": 1})})
    assert (job.status, job.tasks["upper"].attempts, "'message'" in job.error) == ("error", 1, True)


def test_a_ticket_is_addressed_by_its_key(simulator: Simulator) -> None:
    simulator.define("tickets", {"name": "bar", "start_point_url": "http://bar.test/{key}"})
    job = simulator.run("workflow:bar", {"a": 1}, key="a b", stubs={"start": {"name": "n", "data": 1}})
    assert (job.calls[0].target, job.calls[0].data) == ("http://bar.test/a%20b", {"key": "a b", "data": {"a": 1}})
    assert job.shown["workflow"] == "bar"


def test_a_list_of_activities_has_its_own_words(simulator: Simulator) -> None:
    simulator.define("libero", {"name": "Two", "activities": [{"name": "one"}, {"name": "two", "required": False}]})
    job = simulator.run("Two", {"a": 1}, stubs={"one": None, "two": "Permanent Failure"})
    assert (job.status, job.shown["workflow"]["state"]) == ("done", "Finished")
    assert [one["state"] for one in job.shown["workflow"]["activities"]] == ["Succeeded", "Permanent Failure"]
    assert job.events[-1]["decision"] == "workflow-finished"


# how it is started


def test_what_a_node_would_refuse_to_start_is_refused_with_its_error(simulator: Simulator) -> None:
    machinery(simulator)
    simulator.define(
        "mender", {"name": "look", "inputParameters": ["id", "no"], "tasks": [{"name": "t", "type": "delay", "delay": {"delaySeconds": 1}}]}
    )
    with pytest.raises(FieldErrors):
        simulator.run("shout", body={"data": {}})
    with pytest.raises(MissingInputs):
        simulator.run("look", body={"id": 1})
    with pytest.raises(InvalidRequest):
        simulator.run("foo", body=b"{")
    with pytest.raises(InvalidRequest, match="256"):
        simulator.run("foo", key="")


def test_data_that_a_process_does_not_take_are_told_as_its_clients_are_told(simulator: Simulator) -> None:
    machinery(simulator)
    with pytest.raises(FieldErrors, match=r"message: is missing; .*did you mean massage"):
        simulator.run("shout", {"massage": 1})
    with pytest.raises(SimulationError, match="no JSON"):
        simulator.run("foo", {1, 2})


def test_a_whole_body_is_sent_as_it_is(simulator: Simulator) -> None:
    job = simulator.run("foo", body={"key": "42", "data": [1], "requestor": "r"}, stubs={"start": {}})
    assert (job.key, job.calls[0].data) == ("42", {"key": "42", "data": [1], "requestor": "r"})


# errors of the test


def test_an_unknown_process_is_told_with_those_there_are_and_what_is_broken(tmp_path: Path) -> None:
    (tmp_path / "cameron").mkdir()
    (tmp_path / "cameron" / "bad.json").write_text("{}")
    (tmp_path / "cameron" / "bar.json").write_text(json.dumps({"name": "bar", "start_activity_url": "http://x.test"}))
    simulator = Simulator(Project(tmp_path))
    with pytest.raises(UnknownProcess) as caught:
        simulator.run("baz")
    lines = str(caught.value).splitlines()
    assert lines[0] == "no process is named 'baz'; there are bar (did you mean bar?)"
    assert lines[2].strip().startswith(f"{tmp_path / 'cameron' / 'bad.json'}: ")
    assert [problem for problem in simulator.problems if "bad.json" in problem]
    assert simulator.run("bar", stubs={"start": {}}).status == "done", "what is broken keeps nothing else from running"


def test_without_any_process_the_setting_is_named() -> None:
    with pytest.raises(UnknownProcess, match="there are none: see cameron_definitions"):
        Simulator(Project()).run("foo")


def test_a_config_file_that_is_broken_is_told_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "p.config"
    file.write_text("{processes, [{foo")
    with pytest.raises(BadDefinition, match=r"p\.config:1:"):
        Simulator(Project(processes=file)).run("foo")


@pytest.mark.parametrize(
    ("dialect", "document", "told"),
    [
        ("cameroon", {}, "there is no dialect 'cameroon' (did you mean cameron?)"),
        ("cameron", {"name": "x"}, "the cameron document: $.start_activity_url: is missing"),
        ("cameron", {"name": {1}}, "the document is no JSON"),
        ("machinery", {"name": "w", "services": ["none"], "inputs": [], "outputs": []}, "the machinery workflow: not all services exist"),
        ("machinery", {"name": "s", "address": "http://x", "inputs": []}, "the machinery service: outputs: "),
    ],
)
def test_a_document_that_cannot_be_used_is_told_why(simulator: Simulator, dialect: str, document: Any, told: str) -> None:
    with pytest.raises(BadDefinition) as caught:
        simulator.define(dialect, document)
    assert str(caught.value).startswith(told)
    assert simulator.processes == ["foo"]


def test_a_missing_stub_is_told_with_what_to_write_and_how_far_it_has_come(simulator: Simulator) -> None:
    with pytest.raises(MissingStub) as caught:
        simulator.run("foo", stubs={"start": growing("act_1"), "act_2": {}})
    lines = str(caught.value).splitlines()
    assert "the task 'act_1' of foo calls POST http://foo.test/act_1" in lines[0]
    assert [line.strip().partition("   #")[0] for line in lines[1:3]] == ["stubs={'act_1': {}}", "stubs={'http://foo.test/act_1': {}}"]
    assert lines[3] == "there are stubs for 'start', 'act_2' (did you mean act_2?)"
    assert [line.split()[:3] for line in caught.value.__notes__[0].splitlines()[1:]] == [
        ["start", "http", "done"],
        ["act_1", "http", "running"],
    ]


def test_a_stub_that_nothing_comes_to_is_listed_and_an_error_where_the_test_is_strict(simulator: Simulator) -> None:
    stubs = {"start": growing("act_1"), "act_1": {}, "atc_1": {}}
    assert simulator.run("foo", stubs=stubs).unused_stubs == ("atc_1",)
    with pytest.raises(UnusedStubs, match=r"^nothing came to the stub 'atc_1' \(did you mean act_1\?\)"):
        simulator.run("foo", stubs=stubs, strict=True)


def test_stubs_of_the_whole_test_come_after_those_of_a_run_and_may_be_idle(simulator: Simulator) -> None:
    simulator.stub("start", {"data": "all"})
    simulator.stub("idle", {})
    jobs = [simulator.run("foo", stubs=stubs, strict=True) for stubs in ({}, {"http://foo.test/start": {"data": "own"}})]
    assert [job.tasks["start"].data for job in jobs] == ["all", "own"]


def test_a_task_that_the_job_has_not_is_told_with_those_it_has(simulator: Simulator) -> None:
    job = simulator.run("foo", stubs={"start": growing("act_1"), "act_1": {}})
    with pytest.raises(UnknownTask, match=r"^the job has no task 'atc_1' \(did you mean act_1\?\): it has start, act_1$"):
        job.tasks["atc_1"]
    with pytest.raises(KeyError):
        job.tasks["other"]
    assert job.tasks.get("other") is None


def test_stubs_that_are_not_named_so_are_told_how_to_write_them(simulator: Simulator) -> None:
    with pytest.raises(TypeError, match=r"write run\('foo', data, stubs=\{...\}\)"):
        simulator.run("foo", 5, {"start": {}})  # type: ignore[arg-type]


def test_a_report_has_the_whole_of_an_error_of_usual_length_and_less_of_an_output(simulator: Simulator) -> None:
    stubs = {"start": growing("a", "b", data="y" * 500), "a": FailedWith("tls", "x" * 300 + " do this"), "b": FailedWith("tls", "z" * 500)}
    lines = str(simulator.run("foo", stubs=stubs)).splitlines()
    assert (len(lines[1]) < 130, lines[2].endswith("do this"), lines[3].endswith("z" * 400 + "…")) == (True, True, True)


def test_a_variable_that_templates_miss_is_told_with_the_setting_of_tests(simulator: Simulator) -> None:
    task = {"name": "find", "type": "http", "taskdef": {"uri": "${env.SHOP_URL}/x", "method": "GET"}}
    simulator.define("mender", {"name": "look", "inputParameters": ["id"], "tasks": [task]})
    job = simulator.run("look", {"id": 1})
    assert job.status == "error"
    assert str(job).splitlines()[-1] == "  in tests: add SHOP_URL to cameron_env, and set it: monkeypatch.setenv('SHOP_URL', ...)"


# order


def test_parallel_calls_end_in_the_order_that_is_asked_for(simulator: Simulator) -> None:
    stubs = {"start": growing("a", "b", "c"), "a": growing("d"), "b": {}, "c": [FailedWith("refused"), {}], "d": {}}
    job = simulator.run("foo", stubs=stubs, order=["c", "b", "a"])
    assert [event["task"] for event in job.events if event["event"] == "task.done"] == ["start", "c", "b", "a", "d"]
    assert job.seconds == 0.25  # b and a take as long as c needs for two attempts


def test_without_an_order_they_end_as_they_were_called_or_as_long_as_they_last(simulator: Simulator) -> None:
    def ended(**stubs: Any) -> list[str]:
        job = simulator.run("foo", stubs={"start": growing("a", "b", "c"), "a": {}, "b": {}, "c": {}, **stubs})
        return [event["task"] for event in job.events if event["event"] == "task.done"][1:]

    assert ended() == ["a", "b", "c"]
    assert ended(a=Lasts(2, {}), b=Lasts(1, {})) == ["c", "b", "a"]


@pytest.mark.parametrize(
    ("order", "told"),
    [
        (["b", "a"], "the tasks could not end as order= asks, b, a: they have ended as a, b"),
        (["act"], "order= names 'act', but there is no such task"),
        (["a", "never"], "order= names 'never', but it has not ended"),
    ],
)
def test_an_order_that_cannot_be_is_an_error(simulator: Simulator, order: list[str], told: str) -> None:
    simulator.define("cameron", {"name": "short", "start_activity_url": "http://x.test", "options": {"timeout_s": 10}})
    stubs = {"start": growing("a", "b", delay(60), "never", parallel=False), "a": {}, "b": {}}
    with pytest.raises(OrderNotKept) as caught:
        simulator.run("short", stubs=stubs, order=order)
    assert str(caught.value).startswith(told)


def test_an_order_holds_callbacks_back_too(simulator: Simulator) -> None:
    stubs = {"start": growing(wait(), "a"), "a": {}, "approve": {"data": 1}}
    job = simulator.run("foo", stubs=stubs, order=["a", "approve"])
    assert [event["task"] for event in job.events if event["event"] == "task.done"] == ["start", "a", "approve"]


# the project of this repository


def test_the_sample_processes_run(cameron: Simulator) -> None:
    assert cameron.problems == []
    order = {"item": "book", "pieces": 2, "price": 10.0, "email": "a@b"}
    job = cameron.run("OrderWorkflow", order)
    assert (job.status, job.tasks["charge"].data["paid"], job.calls[0].config["warehouse"]) == ("done", 20.0, "north")
    assert job.session["reservation"] == job.tasks["charge"].data["reservation"]
    foo = cameron.run("foo", "x", stubs={"start": {}})
    assert (foo.calls[0].target, foo.status) == ("http://localhost:9292/foo/v0.0.1/start", "done")
