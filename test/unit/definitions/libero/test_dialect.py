"""Libero Flow's dialect: what definitions become, what requests it takes, what an attempt at an activity is, what its reply means."""

import json
from pathlib import Path
from typing import Any

import pytest

from cameron.core.event import Awaited, CommandLine, Failure, HttpRequest, Invocation, JobStarted, Success, TaskCalled
from cameron.core.job import Job, apply, new_job
from cameron.core.process import Limits, Process, PythonCall
from cameron.definitions import Settings, dialects, load_folder, read_document, schema
from cameron.definitions.cameron import CameronDialect, CameronManner
from cameron.definitions.files.document import read_json
from cameron.definitions.libero.dialect import LiberoDialect, LiberoManner
from cameron.errors import ConfigError, InvalidRequest

from ..written import Reply

SETTINGS = Settings(limits=Limits(max_tasks=5), allowed_binaries=frozenset({"tar"}), command_timeout_s=30.0)
DIALECT = LiberoDialect(SETTINGS)
FOLDER = Path(__file__).parents[4] / "priv" / "definitions" / "libero"
DUMMY = read_json((FOLDER / "dummy_workflow.json").read_text(), "here")
UUID = "0123456789abcdef0123456789abcdef"


def process(*activities: dict[str, Any], **more: Any) -> Process:
    """The process of a definition, which fits the schema."""
    definition = {"name": "flow", "activities": list(activities) or [{"name": "Charge"}], **more}
    assert schema.faults("libero", definition) == []
    assert DIALECT.flaws(definition) == []
    return DIALECT.from_file(definition, "here")


def started(of: Process, data: Any) -> Job:
    """A job of it."""
    request = DIALECT.read_request(of, json.dumps({"data": data}).encode())
    return apply(new_job(of, UUID, UUID, request.payload, 1), JobStarted())[0]


def prepared(of: Process, data: Any) -> Any:
    """The attempt at its first activity."""
    job = started(of, data)
    return DIALECT.prepare(job, job.tasks[of.activities[0].name])


def outcome(of: Process, reply: Reply) -> Any:
    """What the reply to its first activity means."""
    name = of.activities[0].name
    job, _ = apply(started(of, None), TaskCalled(name))
    return DIALECT.outcome(job, job.tasks[name], reply)


# definitions


def test_the_documents_definition_is_taken_as_it_is() -> None:
    of = DIALECT.from_file(DUMMY, "here")
    assert (of.name, of.dialect, of.limits, of.alias) == ("DummyWorkflow", "libero", Limits(max_tasks=5), "")
    first, second = of.activities
    assert (first.name, first.call, first.after, first.required) == ("DoSomethingActivity", PythonCall("DoSomethingActivity"), (), True)
    assert (second.name, second.after, second.own.config) == ("DoAnotherThingActivity", ("DoSomethingActivity",), b'{"some":"values"}')


def test_the_definitions_that_come_with_it_can_be_used() -> None:
    loaded = load_folder(FOLDER.parent)
    assert [problem for problem in loaded.problems if "libero" in problem] == []
    assert {process.name for process in loaded.processes if process.dialect == "libero"} == {"DummyWorkflow", "OrderWorkflow"}


def test_a_stored_definition_reads_as_the_very_same_process() -> None:
    of = DIALECT.from_file(DUMMY, "here")
    assert json.loads(of.document) == {"dialect": "libero", **DUMMY}
    assert DIALECT.read_process(of.document) == of
    assert read_document(of.document, SETTINGS) == of


def test_every_change_of_a_definition_shows_in_its_digest() -> None:
    others = [{**DUMMY, "config": {}}, {**DUMMY, "description": "another"}, {**DUMMY, "version": 2}]
    assert len({DIALECT.from_file(said, "here").digest for said in (DUMMY, *others)}) == 4


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"activities": []}, "$.activities: must not be empty"),
        ({"name": "no blanks"}, "$.name: 'no blanks' will not do: the name by which"),
        ({"conifg": {}}, "$.conifg: 'conifg' is unknown; did you mean 'config'?"),
        ({"config": []}, "$.config: must be an object, not an empty list"),
        ({"config": {"max_retries": -1}}, "$.config.max_retries: must be at least 0, not -1"),
        ({"config": {"max_retries": 1.5}}, "$.config.max_retries: must be a whole number, not 1.5"),
        ({"config": {"isolation": "fork"}}, "$.config.isolation: must be 'thread' or 'process', not 'fork'"),
        ({"activities": [{}]}, "$.activities[0].name: is missing: the class or function"),
        ({"activities": ["Charge"]}, "$.activities[0]: must be an object, not 'Charge'"),
        ({"activities": [{"name": "a,b"}]}, "$.activities[0].name: 'a,b' will not do"),
        ({"activities": [{"name": "a", "requierd": False}]}, "$.activities[0].requierd: 'requierd' is unknown; did you mean 'required'?"),
        ({"activities": [{"name": "a", "independent": "no"}]}, "$.activities[0].independent: must be true or false, not 'no'"),
        ({"activities": [{"name": "a", "timeout_s": 0}]}, "$.activities[0].timeout_s: must be more than 0, not 0"),
        ({"activities": [{"name": "a", "config": {"timeout_s": "5"}}]}, "$.activities[0].config.timeout_s: must be a number, not '5'"),
        ({"activities": [{"name": "a", "kind": "pyhton"}]}, "$.activities[0].kind: must be 'python', 'http', 'command', 'wait' or 'delay'"),
        ({"activities": [{"name": "a", "kind": "http", "url": "ftp://a"}]}, "$.activities[0].url: 'ftp://a' will not do"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(wrong: dict[str, Any], told: str) -> None:
    [fault] = schema.faults("libero", {**DUMMY, **wrong})
    assert str(fault).startswith(told)
    assert DIALECT.flaws({**DUMMY, **wrong}) == []


def test_a_config_holds_whatever_its_activities_want() -> None:
    assert schema.faults("libero", {**DUMMY, "config": {"some": {"nested": [None, 1]}, "timeout_s": 5, "url": 7}}) == []


def test_members_of_another_kind_are_a_flaw_with_their_place() -> None:
    definition = {**DUMMY, "activities": [{"name": "a"}, {"name": "b", "url": "http://a/"}]}
    assert schema.faults("libero", definition) == []
    [flaw] = DIALECT.flaws(definition)
    told = 'belongs to the kind http or wait: add "kind": "http"'
    assert (flaw.path, flaw.message) == ("$.activities[1].url", told)
    with pytest.raises(ConfigError) as refusal:
        DIALECT.from_file(definition, "here")
    assert str(refusal.value) == f"here: $.activities[1].url: {told}"


# requests


@pytest.mark.parametrize(
    ("said", "key", "shown", "requestor", "payload"),
    [
        ({}, "", "{}", "", b"{}"),
        ({"data": {"a": 1}}, "", '{"a":1}', "", b'{"a":1}'),
        ({"input_data": {"a": 1}, "key": "42", "requestor": "me"}, "42", '{"a":1}', "me", b'{"a":1}'),
        ({"data": "text"}, "", "text", "", b'"text"'),
        ({"data": None}, "", "null", "", b"null"),
        ({"input_data": []}, "", "[]", "", b"[]"),
    ],
)
def test_a_start_may_bring_a_key_input_data_and_a_requestor(said: Any, key: str, shown: str, requestor: str, payload: bytes) -> None:
    request = DIALECT.read_request(process(), json.dumps(said).encode())
    assert (request.key, request.data, request.requestor, request.payload) == (key, shown, requestor, payload)


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (b"", "body_empty", None),
        (b"{", "body_not_json", None),
        (b"[]", "body_not_object", None),
        (b'{"key": ""}', "key_invalid", "key"),
        (b'{"key": 5}', "key_invalid", "key"),
        (b'{"requestor": 5}', "requestor_invalid", "requestor"),
        (b'{"data": 1, "input_data": 1}', "input_data_twice", "input_data"),
        (b'{"input": {"order": 42}}', "member_unknown", "input"),
        (b'{"order": 42, "data": 1}', "member_unknown", "order"),
        (b'{"data": "\\ud800"}', "body_invalid", None),
        (b'{"requestor": "\\ud800"}', "body_invalid", None),
        (b'{"key": "\\ud800"}', "body_invalid", None),
    ],
)
def test_a_start_that_cannot_be_read_is_refused(body: bytes, code: str, field: str | None) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        DIALECT.read_request(process(), body)
    assert (refusal.value.code, refusal.value.field) == (code, field)


def test_a_slip_is_told_what_may_have_been_meant() -> None:
    with pytest.raises(
        InvalidRequest, match=r"unknown member 'input' \(did you mean input_data\?\): it may have key, data, input_data, req"
    ):
        DIALECT.read_request(process(), b'{"input": {"order": 42}}')
    with pytest.raises(InvalidRequest) as refusal:
        DIALECT.read_request(process(), json.dumps({"x" * 10_000: 1}).encode())
    assert len(str(refusal.value)) < 200


def test_what_may_be_a_slip_in_a_config_is_doubted() -> None:
    [doubt] = DIALECT.doubts({**DUMMY, "config": {"max_retry": 5}})
    assert str(doubt) == "$.config.max_retry: is left to your activities; did you mean the engine's 'max_retries'?"
    assert DIALECT.doubts(DUMMY) == []


# attempts


def test_a_class_is_given_the_input_data_and_the_merged_config() -> None:
    of = process({"name": "Charge", "config": {"b": 2}, "isolation": "process", "timeout_s": 5}, config={"a": 1, "b": 1})
    assert prepared(of, {"order": 42}) == Invocation("Charge", b'{"order":42}', b'{"a":1,"b":2}', 5.0, "process")


def test_a_service_is_posted_the_workflow_and_the_input_data() -> None:
    attempt = prepared(process({"name": "tell", "kind": "http", "url": "http://a/", "config": {"a": 1}}), "täxt")
    assert isinstance(attempt, HttpRequest)
    said = {"workflow": "flow", "workflow_id": UUID, "activity": "tell", "config": {"a": 1}, "input_data": "täxt"}
    assert (attempt.url, json.loads(attempt.body)) == ("http://a/", said)


def test_a_program_gets_the_same_and_has_to_be_allowed() -> None:
    attempt = prepared(process({"name": "pack", "kind": "command", "command": ["tar"]}), 7)
    assert isinstance(attempt, CommandLine)
    assert (attempt.command, attempt.timeout_s, json.loads(attempt.stdin)["input_data"]) == (("tar",), 30.0, 7)
    refused = prepared(process({"name": "pack", "kind": "command", "command": ["rm"]}), 7)
    assert isinstance(refused, Failure)
    assert refused.kind == "not_allowed"


def test_a_wait_and_a_delay_need_no_call() -> None:
    assert prepared(process({"name": "ask", "kind": "wait", "timeout_s": 5}), 7) == Awaited(5.0, callback=True)
    assert prepared(process({"name": "rest", "kind": "delay", "delay_s": 5}), 7) == Awaited(5.0, callback=False)


# replies


@pytest.mark.parametrize(
    ("activity", "reply", "came_to"),
    [
        ({}, Reply(b'"Succeeded"', 0), Success('"Succeeded"')),
        ({}, Reply(b'{"a": 1}', 0), Success('{"a":1}')),
        ({}, Reply(b"", 0, failure="temporary_failure", error="later"), Failure("temporary_failure", "later")),
        ({"kind": "http", "url": "http://a/"}, Reply(b'{"a": 1}', 201), Success('{"a":1}')),
        ({"kind": "http", "url": "http://a/"}, Reply(b"no", 500), Failure("http_500", "http://a/ replied 500: no")),
        ({"kind": "wait", "timeout_s": 5, "url": "http://a/"}, Reply(b"", 204), Awaited(5.0, callback=True)),
        ({"kind": "wait", "timeout_s": 5}, Reply(b'{"a": 1}', is_callback=True), Success('{"a":1}')),
        (
            {"kind": "command", "command": ["tar"]},
            Reply(b"out", 0),
            Success('{"exit_code":0,"stdout":"out","stderr":"","truncated":false}'),
        ),
    ],
)
def test_what_a_reply_means(activity: dict[str, Any], reply: Reply, came_to: Any) -> None:
    assert outcome(process({"name": "a", **activity}), reply) == came_to


# clients


def test_a_job_is_shown_in_the_main_form_with_the_workflow_besides() -> None:
    of, body = process(), '{"input_data": {"order": 42}, "requestor": "me"}'
    request = DIALECT.read_request(of, body.encode())
    flat = DIALECT.layout.accepted(request._replace(key=UUID), "now")
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    record = {"request": body, **dict(zip(request.record[::2], request.record[1::2], strict=True))}
    shown = json.loads(DIALECT.show("flow", UUID, UUID, fields, record))
    workflow = shown.pop("workflow")
    assert shown == json.loads(CameronDialect(SETTINGS).show("flow", UUID, UUID, fields, {}))
    assert (workflow["id"], workflow["name"], workflow["state"], workflow["input_data"]) == (UUID, "flow", "Pending", {"order": 42})


def test_jobs_are_started_and_found_where_those_of_the_main_dialect_are() -> None:
    main, own = CameronManner(), LiberoManner()
    assert (own.start, own.job, own.dialect, own.located_by_path) == (main.start, main.job, main.dialect, main.located_by_path)
    assert own.shows_record


def test_only_this_dialect_has_words_of_its_own_for_events() -> None:
    assert [name for name, dialect in dialects(SETTINGS).items() if dialect.vocabulary] == ["libero"]
