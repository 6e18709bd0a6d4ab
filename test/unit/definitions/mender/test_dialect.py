"""Mender's dialect: what definitions become, what requests it takes, what an attempt at a task is, what its reply means."""

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameron.core.event import (
    Attempt,
    Awaited,
    CommandLine,
    Failure,
    HttpRequest,
    JobStarted,
    Skip,
    Success,
    TaskCalled,
    TaskReplied,
    TaskSkipped,
)
from cameron.core.job import Job, Task, apply, new_job
from cameron.core.process import CommandCall, DelayCall, HttpCall, Limits, Process, RetryPolicy, Timeouts, WaitCall
from cameron.core.strict_json import parse
from cameron.definitions import schema
from cameron.definitions.files.document import read_json, read_yaml
from cameron.definitions.mender import scope
from cameron.definitions.mender.dialect import MenderDialect
from cameron.definitions.settings import Settings
from cameron.errors import ConfigError, InvalidRequest, MissingInputs

from ..written import Reply

SETTINGS = Settings(
    RetryPolicy(attempts=7),
    Timeouts(connect_s=4.0, call_s=40.0),
    Limits(max_tasks=5),
    env={"TOKEN": "s3cret", "HOST": "here.local", "BASE": "https://base.local:8443/at", "SCHEME": "http", "HALF": "http:"},
    allowed_binaries=frozenset({"/bin/echo"}),
    command_timeout_s=30.0,
    callback_timeout_s=3600.0,
)
DIALECT = MenderDialect(SETTINGS)
SECRET = '0123456789"abcdefghij klmnopqrst'
SECRETIVE = MenderDialect(SETTINGS._replace(env={"SECRET": SECRET, "SHORT": "12345"}))
FOLDER = Path(__file__).parents[4] / "priv" / "definitions" / "mender"
DECOMMISSION = read_json((FOLDER / "decommission_device.json").read_text(), "here")
INPUTS = {"device_id": "d1", "request_id": "r1", "authorization": "Bearer x"}


def http(name: str = "call", /, *, inputs: tuple[str, ...] = (), task: Any = None, **block: Any) -> dict[str, Any]:
    """A definition of one HTTP task; `task` has members of the task itself."""
    said = {"name": name, "type": "http", "taskdef": {"uri": "http://service/", **block}, **(task or {})}
    return {"name": "flow", "version": 3, "tasks": [said], "inputParameters": list(inputs)}


def chain(*tasks: dict[str, Any], inputs: tuple[str, ...] = ("x",), optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """A definition of these tasks, named a, b, c, ..., of type http where they do not say."""
    named = [{"name": "abcdef"[at], "type": "http", **task} for at, task in enumerate(tasks)]
    return {"name": "flow", "tasks": named, "inputParameters": list(inputs), "optionalParameters": list(optional)}


def to(uri: str = "http://service/", **block: Any) -> dict[str, Any]:
    """A task of type http."""
    return {"taskdef": {"uri": uri, **block}}


def process(definition: dict[str, Any]) -> Process:
    """The definition's process; the definition fits the schema."""
    assert schema.faults("mender", definition) == []
    return DIALECT.from_file(definition, "here")


def fault(definition: dict[str, Any]) -> str:
    """Why a definition that fits the schema is refused all the same."""
    assert schema.faults("mender", definition) == []
    with pytest.raises(ConfigError) as refusal:
        DIALECT.from_file(definition, "here")
    return str(refusal.value)


def started(definition: dict[str, Any], **inputs: Any) -> Job:
    """A job of that definition."""
    of = process(definition)
    request = DIALECT.read_request(of, json.dumps(inputs).encode())
    return apply(new_job(of, "uuid", "uuid", request.payload, 1), JobStarted())[0]


def after(job: Job, name: str, reply: Reply) -> Job:
    """The job once that task has been called and replied to, well."""
    attempt = prepared(job, name)
    job, _ = apply(job, TaskCalled(name, getattr(attempt, "note", "")))
    outcome = DIALECT.outcome(job, job.tasks[name], reply)
    assert isinstance(outcome, Success), outcome
    return apply(job, TaskReplied(name, outcome))[0]


def prepared(job: Job, name: str) -> Attempt:
    """The task's next attempt."""
    return DIALECT.prepare(job, job.tasks[name])


def request(definition: dict[str, Any], **inputs: Any) -> HttpRequest:
    """The request of a definition of one task."""
    job = started(definition, **inputs)
    attempt = prepared(job, next(iter(job.tasks)))
    assert isinstance(attempt, HttpRequest), attempt
    return attempt


def second(first: dict[str, Any], then: dict[str, Any], reply: Reply, **inputs: Any) -> Attempt:
    """The attempt at the second task, once the first was replied to."""
    return prepared(after(started(chain(first, then), **{"x": "", **inputs}), "a", reply), "b")


def outcome(definition: dict[str, Any], reply: Reply) -> Any:
    """What the reply to the only task means."""
    job = started(definition)
    name = next(iter(job.tasks))
    job, _ = apply(job, TaskCalled(name, getattr(prepared(job, name), "note", "")))
    return DIALECT.outcome(job, job.tasks[name], reply)


# definitions


def test_the_documents_definition_is_taken_as_it_is() -> None:
    of = process(DECOMMISSION)
    [task] = of.activities
    assert (of.name, of.dialect, of.limits, of.alias) == ("decommission_device", "mender", Limits(max_tasks=5), "")
    assert (task.name, task.kind, task.required, task.after) == ("delete_device_inventory", "http", True, ())
    assert task.call == HttpCall("http://www.mocky.io/v2/5de377e13000006800e9c9c2?mocky-delay=2000ms", "PUT")
    assert task.timeouts == Timeouts(connect_s=1.0, call_s=2.0)


@pytest.mark.parametrize("file", sorted(FOLDER.iterdir()), ids=lambda file: file.name)
def test_the_definitions_that_come_with_it_can_be_used(file: Path) -> None:
    read = read_json if file.suffix == ".json" else read_yaml
    assert process(read(file.read_text(), file.name)).name == file.stem


def test_a_stored_definition_reads_as_the_very_same_process() -> None:
    of = process(DECOMMISSION)
    assert json.loads(of.document) == {"dialect": "mender", **DECOMMISSION}
    assert DIALECT.read_process(of.document) == of


def test_every_change_of_a_definition_shows_in_its_digest() -> None:
    others = [{**DECOMMISSION, "version": 5}, {**DECOMMISSION, "description": "another"}, http()]
    assert len({process(DECOMMISSION).digest, *(process(other).digest for other in others)}) == 4


def test_tasks_are_a_chain_of_which_each_is_required() -> None:
    assert [(task.name, task.after, task.required) for task in process(chain(to(), to(), to())).activities] == [
        ("a", (), True),
        ("b", ("a",), True),
        ("c", ("b",), True),
    ]


@pytest.mark.parametrize("block", ["taskdef", "http"])
def test_what_a_task_does_may_be_called_by_its_type(block: str) -> None:
    assert process(chain({block: {"uri": "http://service/"}})).activities[0].call == HttpCall("http://service/")


def test_a_command_a_wait_and_a_delay_are_tasks_too() -> None:
    calls = [
        task.call
        for task in process(
            chain(
                {"type": "cli", "cli": {"command": ["/bin/echo", "hi"]}},
                {"type": "wait", "wait": {"timeOut": 1500}},
                {"type": "wait", "taskdef": {"uri": "http://service/w"}},
                {"type": "delay", "delay": {"delaySeconds": 2.5}},
            )
        ).activities
    ]
    assert calls == [CommandCall(("/bin/echo", "hi")), WaitCall(1.5), WaitCall(3600.0, "http://service/w"), DelayCall(2.5)]


def test_without_retries_a_task_is_tried_again_as_the_node_is_set() -> None:
    assert process(http()).activities[0].retry == SETTINGS.retry


def test_retries_are_further_attempts_after_any_failure() -> None:
    policy = process(http(task={"retries": 2})).activities[0].retry
    assert policy == SETTINGS.retry._replace(attempts=3, on=frozenset({"*"}))
    assert process(http(task={"retries": 0})).activities[0].retry.attempts == 1


def test_the_delay_between_retries_is_as_long_as_it_says() -> None:
    policy = process(http(task={"retries": 2, "retryDelaySeconds": 7})).activities[0].retry
    assert policy == RetryPolicy(attempts=3, delay_s=7.0, factor=1.0, cap_s=7.0, jitter=False, on=frozenset({"*"}))


@pytest.mark.parametrize(
    ("block", "timeouts"),
    [
        ({}, Timeouts(4.0, 40.0)),
        ({"connectionTimeOut": 0, "readTimeOut": 0}, Timeouts(4.0, 40.0)),
        ({"connectionTimeOut": 500}, Timeouts(0.5, 40.0)),
        ({"readTimeOut": 500}, Timeouts(4.0, 4.5)),
        ({"connectionTimeOut": 1000, "readTimeOut": 250}, Timeouts(1.0, 1.25)),
    ],
)
def test_time_outs_are_milliseconds_and_the_nodes_where_they_are_not_given(block: dict[str, Any], timeouts: Timeouts) -> None:
    assert process(http(**block)).activities[0].timeouts == timeouts


# definitions that are refused


@pytest.mark.parametrize(
    ("definition", "path"),
    [
        ({"tasks": [http()["tasks"][0]]}, "$.name"),
        (http() | {"tasks": []}, "$.tasks"),
        (http() | {"version": "4"}, "$.version"),
        (http() | {"inputParameter": ["x"]}, "$.inputParameter"),
        (http() | {"inputParameters": "x"}, "$.inputParameters"),
        (http(task={"type": "smtp"}), "$.tasks[0].type"),
        (http(task={"retries": -1}), "$.tasks[0].retries"),
        (http(task={"retries": 2.5}), "$.tasks[0].retries"),
        (http(task={"name": "a,b"}), "$.tasks[0].name"),
        (http(task={"cli": {"command": ["x"]}}), "$.tasks[0].cli"),
        (http(uri=""), "$.tasks[0].taskdef.uri"),
        (http(readTimeOut="1000"), "$.tasks[0].taskdef.readTimeOut"),
        (http(readTimeout=1000), "$.tasks[0].taskdef.readTimeout"),
        (http(statusCodes=[]), "$.tasks[0].taskdef.statusCodes"),
        (http(statusCodes=["200"]), "$.tasks[0].taskdef.statusCodes[0]"),
        (http(headers={"X": 1}), "$.tasks[0].taskdef.headers.X"),
        (http(headers={"X": "a\r\nY: b"}), "$.tasks[0].taskdef.headers.X"),
        (http(headers={"X": "\0"}), "$.tasks[0].taskdef.headers.X"),
        (http(contentType="text/plain\n"), "$.tasks[0].taskdef.contentType"),
        (chain({"type": "cli", "cli": {"command": "echo hi"}}), "$.tasks[0].cli.command"),
        (chain({"type": "cli", "cli": {}}), "$.tasks[0].cli.command"),
        (chain({"type": "delay", "delay": {}}), "$.tasks[0].delay.delaySeconds"),
        (chain({"type": "http", "http": {"method": "GET"}}), "$.tasks[0].http.uri"),
    ],
)
def test_the_schema_names_the_place_of_a_fault(definition: dict[str, Any], path: str) -> None:
    assert [found.path for found in schema.faults("mender", definition)] == [path]


def test_a_wrong_header_is_told_in_words() -> None:
    [value] = schema.faults("mender", http(headers={"X": "a\nb"}))
    assert value.message == "'a\\nb' will not do: a header's value is one line, without control characters"
    [name] = schema.faults("mender", http(headers={"X Y": "a"}))
    assert name.message == "the name 'X Y' will not do: a header's name has letters, digits and '-', no blanks and no colon"


def test_a_header_may_hold_a_tab_and_what_is_no_ascii() -> None:
    assert schema.faults("mender", http(headers={"X": "a\tä ${workflow.input.x}", "Y": ""}, inputs=("x",))) == []


@pytest.mark.parametrize("document", [{}, {"tasks": 5}, {"tasks": [5, {}, {"name": 5}, {"type": []}, {"type": "http", "http": 5}]}])
def test_flaws_are_looked_for_in_any_object(document: dict[str, Any]) -> None:
    assert DIALECT.flaws(document) == []


def test_all_flaws_are_told_and_each_once() -> None:
    definition = chain(to("http://service/${workflow.input.y}/${workflow.input.y}/${workflow.input.z}"), to("ftp://service/"))
    assert [flaw.path for flaw in DIALECT.flaws(definition)] == ["$.tasks[0].taskdef.uri"] * 2 + ["$.tasks[1].taskdef.uri"]


def test_a_fault_begins_with_the_file_and_the_place() -> None:
    definition = chain(to("http://service/${workflow.input.y}"), inputs=("yy",))
    assert fault(definition) == (
        "here: $.tasks[0].taskdef.uri: ${workflow.input.y} is not declared (did you mean yy?): "
        "add 'y' to inputParameters, or to optionalParameters"
    )


@pytest.mark.parametrize(
    ("definition", "text"),
    [
        (chain(to(payload={"p": ["${workflow.input.y}"]})), "$.tasks[0].taskdef.payload.p[0]: ${workflow.input.y} is not declared"),
        (chain(to(headers={"X-A": "${workflow.input.y|none}"})), "$.tasks[0].taskdef.headers['X-A']: ${workflow.input.y} is not declared"),
        (chain(to() | {"requires": ["${workflow.inputs.x}"]}), "$.tasks[0].requires[0]: ${workflow.inputs.x} names nothing"),
        (chain(to("http://service/${b.json.x}"), to()), "$.tasks[0].taskdef.uri: ${b.json.x} names no earlier task"),
        (chain(to("http://service/${a.json.x}")), "$.tasks[0].taskdef.uri: ${a.json.x} names no earlier task"),
        (chain(to(), to("http://service/${a.jason.x}")), "$.tasks[1].taskdef.uri: ${a.jason.x} names nothing of task 'a'"),
        (chain(to(), to("http://service/${a}")), "$.tasks[1].taskdef.uri: ${a} names nothing of task 'a'"),
        (chain(to("http://service/${env}")), "$.tasks[0].taskdef.uri: ${env} names no variable"),
        (chain(to("http://service/${workflow.input.x")), "$.tasks[0].taskdef.uri: '${workflow.input.x' has no closing }"),
        (chain(to("http://service/${}")), "$.tasks[0].taskdef.uri: ${} is no name"),
        (chain({"type": "cli", "cli": {"command": ["/bin/echo", "${x}"]}}), "$.tasks[0].cli.command[1]: ${x} names no earlier task"),
        (chain(to("ftp://service/")), "$.tasks[0].taskdef.uri: must begin with http:// or https://, not be 'ftp://service/'"),
        (chain(to("http://service:80${workflow.input.x}")), "$.tasks[0].taskdef.uri: ${workflow.input.x} would choose the host"),
        (chain(to(payload='{"a": ${workflow.input.x}')), "$.tasks[0].taskdef.payload: its content type is JSON, and the text is none"),
        (chain(to(payload="1", body="2")), "$.tasks[0].taskdef.body: is given beside payload: a request has one body"),
        (chain(to() | {"http": {"uri": "http://service/"}}), "$.tasks[0].http: is given beside taskdef"),
        (chain({"type": "http"}), "$.tasks[0].taskdef: is missing"),
        (chain(to(), to() | {"name": "a"}), "$.tasks[1].name: a second task named 'a'"),
    ],
)
def test_what_the_schema_cannot_know_is_refused_with_its_place(definition: dict[str, Any], text: str) -> None:
    assert fault(definition).startswith(f"here: {text}")


# requests to start


def test_the_inputs_are_kept_in_the_definitions_order_with_all_that_came_besides() -> None:
    taken = DIALECT.read_request(process(http(inputs=("b", "a"))), b'{"extra": {"\\u00e4": 1}, "a": 1.0, "b": ""}')
    assert taken.data == '{"b":"","a":1.0,"extra":{"ä":1}}'
    assert (taken.key, taken.requestor, taken.payload.decode()) == ("", "", taken.data)


def test_what_a_client_is_shown_of_the_definition_is_recorded_with_the_job() -> None:
    taken = DIALECT.read_request(process(http() | {"version": 9}), b"{}")
    assert taken.record == ("version", "9", "types", '{"call":"http"}')


def test_missing_inputs_are_all_named() -> None:
    with pytest.raises(MissingInputs) as refusal:
        DIALECT.read_request(process(http(inputs=("a", "b", "c"))), b'{"b": 1, "c": null}')
    assert str(refusal.value) == "Missing input parameters: a, c"
    assert refusal.value.names == ("a", "c")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b'{"x": NaN}', b"\xff", b"[" * 5000, b'{"x": "\\ud800"}'])
def test_what_is_no_object_of_inputs_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        DIALECT.read_request(process(http(inputs=("x",))), body)


# HTTP requests


def test_the_documents_request_is_filled_in() -> None:
    sent = request(DECOMMISSION, **INPUTS)
    assert (sent.method, sent.url) == ("PUT", "http://www.mocky.io/v2/5de377e13000006800e9c9c2?mocky-delay=2000ms")
    assert sent.body == b'{"device_id": "d1"}'
    assert sent.headers == ("Content-Type: application/json", "X-MEN-RequestID: r1", "Authorization: Bearer x")


def test_the_note_of_a_request_has_all_but_its_secrets() -> None:
    assert json.loads(request(DECOMMISSION, **INPUTS).note) == {
        "uri": "http://www.mocky.io/v2/5de377e13000006800e9c9c2?mocky-delay=2000ms",
        "method": "PUT",
        "headers": {"Content-Type": "application/json", "X-MEN-RequestID": "r1", "Authorization": "***"},
        "payload": '{"device_id": "d1"}',
    }


def test_the_note_of_a_request_has_nothing_of_the_environment() -> None:
    definition = http(
        uri="http://service/${env.SECRET}?${encoding=url;env.SECRET}",
        headers={"X-Ticket": "Bearer ${env.SECRET}", "X-Short": "${env.SHORT}"},
        payload={"own": "${env.SECRET}", "short": "${env.SHORT}"},
    )
    of = SECRETIVE.from_file(definition, "here")
    sent = SECRETIVE.prepare(*first(of))
    assert isinstance(sent, HttpRequest)
    assert json.loads(sent.body)["own"] == SECRET
    assert json.loads(sent.note) == {
        "uri": "http://service/***?***",
        "method": "POST",
        "headers": {"Content-Type": "application/json", "X-Ticket": "Bearer ***", "X-Short": "12345"},
        "payload": '{"own":"***","short":"12345"}',
    }


def test_no_secret_is_cut_in_two_at_the_end_of_a_note() -> None:
    secret = "s" * 5000
    dialect = MenderDialect(SETTINGS._replace(env={"SECRET": secret}))
    of = dialect.from_file(http(payload="x" * 65_000 + "${env.SECRET}", contentType="text/plain"), "here")
    sent = dialect.prepare(*first(of))
    assert isinstance(sent, HttpRequest)
    assert json.loads(sent.note)["payload"] == "x" * 65_000 + "***"


def test_the_note_of_a_command_has_nothing_of_the_environment() -> None:
    definition = chain({"type": "cli", "cli": {"command": ["/bin/echo", "-t${env.SECRET}"]}}, inputs=())
    run = SECRETIVE.prepare(*first(SECRETIVE.from_file(definition, "here")))
    assert isinstance(run, CommandLine)
    assert run.command == ("/bin/echo", f"-t{SECRET}")
    assert json.loads(run.note) == {"command": ["/bin/echo", "-t***"]}


@pytest.mark.parametrize(
    ("task", "reply"),
    [
        (to("http://service/${env.SECRET}"), Reply(b"you sent %s and %s", 401)),
        (to(), Reply(b"x" * 480 + b" %s", 401)),
        (to(), Reply(b"", 0, failure="refused", error="http://service/%s cannot be reached")),
        ({"type": "cli", "cli": {"command": ["/bin/echo", "${env.SECRET}"]}}, Reply(b"", 3, stderr=b"no %s here")),
        ({"type": "cli", "cli": {"command": ["/bin/echo", "${env.SECRET}"]}}, Reply(b"", 3, stderr=b"%s" + b"x" * 480)),
        ({"type": "cli", "cli": {"command": ["/bin/echo"]}}, Reply(b"", 0, failure="cannot_run", error="%s cannot be run")),
    ],
)
def test_no_error_has_anything_of_the_environment(task: dict[str, Any], reply: Reply) -> None:
    reply = reply._replace(
        body=reply.body.replace(b"%s", SECRET.encode()),
        stderr=reply.stderr.replace(b"%s", SECRET.encode()),
        error=reply.error.replace("%s", SECRET),
    )
    job, its = first(SECRETIVE.from_file(chain(task, inputs=()), "here"))
    job, _ = apply(job, TaskCalled(its.name, getattr(SECRETIVE.prepare(job, its), "note", "")))
    failure = SECRETIVE.outcome(job, job.tasks[its.name], reply)
    assert isinstance(failure, Failure)
    assert not any(SECRET[at : at + 8] in failure.text for at in range(len(SECRET) - 7))


def test_no_error_before_the_call_has_either() -> None:
    definition = chain({"type": "cli", "cli": {"command": ["${env.SECRET}"]}}, inputs=())
    failure = SECRETIVE.prepare(*first(SECRETIVE.from_file(definition, "here")))
    assert isinstance(failure, Failure)
    assert failure.text.startswith("'***' is not a program that this node may run")


def first(of: Process) -> tuple[Job, Task]:
    """A job of that process, and its first task."""
    job, _ = apply(new_job(of, "uuid", "uuid", b"{}", 1), JobStarted())
    return job, next(iter(job.tasks.values()))


@pytest.mark.parametrize("name", ["authorization", "Proxy-Authorization", "Cookie", "X-Api-Key", "X-Auth-Token", "X-Client-Secret"])
def test_no_header_that_may_hold_a_secret_is_noted(name: str) -> None:
    assert json.loads(request(http(headers={name: "hush"})).note)["headers"][name] == "***"


def test_the_note_has_no_password_of_a_url_and_not_all_of_a_large_body() -> None:
    sent = request(http(uri="http://me:hush@service/@x", payload="x" * 100_000, contentType="text/plain"))
    note = json.loads(sent.note)
    assert (note["uri"], len(note["payload"]), len(sent.body)) == ("http://***@service/@x", 65_537, 100_000)


@pytest.mark.parametrize(
    ("value", "body"),
    [
        ("plain", '{"id": "plain"}'),
        ('a"},{"b\\', '{"id": "a\\"},{\\"b\\\\"}'),
        ("line\nbreak\t\x00", '{"id": "line\\nbreak\\t\\u0000"}'),
        (7, '{"id": "7"}'),
        ({"a": "b"}, '{"id": "{\\"a\\":\\"b\\"}"}'),
        ("${workflow.input.x}", '{"id": "${workflow.input.x}"}'),
    ],
)
def test_no_value_breaks_out_of_a_string_in_a_json_text(value: Any, body: str) -> None:
    assert request(http(inputs=("x",), payload='{"id": "${workflow.input.x}"}'), x=value).body.decode() == body


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",))), st.text(alphabet='\\"{}:,x', max_size=6))
def test_a_json_text_stays_json_whatever_is_put_into_it(value: str, more: str) -> None:
    template = '{"a\\"${workflow.input.x}": ["\\\\", "${workflow.input.y}"], "b": ${workflow.input.x}}'
    sent = request(http(inputs=("x", "y"), body=template), x=value, y=more)
    assert json.loads(sent.body) == {f'a"{value}': ["\\", more], "b": value}


@pytest.mark.parametrize(
    ("template", "value", "body"),
    [
        ('{"n": ${workflow.input.x}}', 7, '{"n": 7}'),
        ('{"n": ${workflow.input.x}}', "7", '{"n": "7"}'),
        ("${workflow.input.x}", {"a": [1.5, None]}, '{"a":[1.5,null]}'),
        ("${workflow.input.x}", "text", '"text"'),
        ('{"n": ${workflow.input.o|0}, "s": ${workflow.input.o|word}, "q": "${workflow.input.o|0}"}', 1, '{"n": 0, "s": "word", "q": "0"}'),
        ('{"literal": "$${workflow.input.x}"}', 1, '{"literal": "${workflow.input.x}"}'),
    ],
)
def test_outside_of_strings_values_become_json(template: str, value: Any, body: str) -> None:
    definition = http(inputs=("x",), payload=template) | {"optionalParameters": ["o"]}
    assert request(definition, x=value).body.decode() == body


def test_a_text_whose_content_type_is_another_than_json_is_filled_in_as_it_is() -> None:
    assert request(http(inputs=("x",), payload='hello "${workflow.input.x}', contentType="text/plain"), x='a"b').body == b'hello "a"b'
    form = http(inputs=("x",), payload='"${workflow.input.x}"', headers={"content-type": "text/plain"})
    assert request(form, x='a"b').body == b'"a"b"'
    assert request(form, x="").headers == ("content-type: text/plain",)


@pytest.mark.parametrize("content_type", ["application/json", "application/x-ndjson", "application/problem+JSON; charset=utf-8"])
@pytest.mark.parametrize("member", ["payload", "body"])
@pytest.mark.parametrize("text", ["hello ${workflow.input.x}", '{"n": "${workflow.input.x}"', "{", "{${workflow.input.x}: 1}"])
def test_a_text_that_is_to_be_json_and_is_none_is_refused(content_type: str, member: str, text: str) -> None:
    [told] = DIALECT.flaws(http(inputs=("x",), contentType=content_type, **{member: text}))
    assert told.path == f"$.tasks[0].taskdef.{member}"
    assert told.message.startswith("its content type is JSON, and the text is none")
    assert "write it as a JSON value" in told.message
    assert "set contentType" in told.message


LINES = '{"n": "${workflow.input.x}"}\n{"m": ${workflow.input.x}}\n'


def test_lines_of_json_are_no_json_but_where_the_content_type_says_so() -> None:
    value = 'x","role":"admin\n'
    [told] = DIALECT.flaws(http(inputs=("x",), payload=LINES))
    assert told.message.startswith("its content type is JSON, and the text is none")
    sent = request(http(inputs=("x",), payload=LINES, contentType="application/x-ndjson"), x=value)
    assert [json.loads(line) for line in sent.body.splitlines()] == [{"n": value}, {"m": value}]


def test_a_body_that_is_empty_is_no_fault() -> None:
    assert request(http(payload="")).body == b""


def test_a_text_that_is_no_json_is_not_sent_as_json_where_a_template_says_the_content_type() -> None:
    definition = http(inputs=("x", "type"), payload=LINES, headers={"Content-Type": "${workflow.input.type}"})
    assert request(definition, x="1", type="text/plain").body == b'{"n": "1"}\n{"m": 1}\n'
    failure = prepared(started(definition, x="1", type="application/json"), "call")
    assert isinstance(failure, Failure)
    assert "its content type is JSON, and the text is none" in failure.text


def test_a_job_goes_on_with_a_text_that_would_be_refused_by_now() -> None:
    definition = http(payload="{", contentType="application/json")
    of = DIALECT.read_process(json.dumps({"dialect": "mender", **definition}))
    job, _ = apply(new_job(of, "uuid", "uuid", b"{}", 1), JobStarted())
    attempt = prepared(job, "call")
    assert isinstance(attempt, HttpRequest)
    assert attempt.body == b"{"


@pytest.mark.parametrize("member", ["payload", "body", "json"])
def test_a_json_value_keeps_the_types_of_what_is_put_into_it(member: str) -> None:
    value = {"id": "${workflow.input.x}", "text": "x is ${workflow.input.x}", "list": ["${workflow.input.x.a}", 1, None]}
    sent = request(http(inputs=("x",), **{member: value}), x={"a": True})
    assert sent.body.decode() == '{"id":{"a":true},"text":"x is {\\"a\\":true}","list":[true,1,null]}'


def test_json_may_be_a_string() -> None:
    assert request(http(json="say ${workflow.input.x}", inputs=("x",)), x='"hi"').body == b'"say \\"hi\\""'


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_a_request_without_a_body_has_no_content_type(method: str) -> None:
    assert request(http(method=method)).headers == ()
    assert request(http(method=method, contentType="text/plain")).headers == ()
    assert request(http(method=method, headers={"content-type": "text/plain"})).headers == ("content-type: text/plain",)
    assert request(http(method=method, payload={})).headers == ("Content-Type: application/json",)


def test_method_and_content_type_have_defaults() -> None:
    assert (request(http()).method, request(http()).headers, request(http()).body) == ("POST", ("Content-Type: application/json",), b"")
    assert request(http(method="get")).method == "GET"
    assert request(http(contentType="text/csv")).headers == ("Content-Type: text/csv",)


def test_a_value_is_encoded_for_a_url_where_the_template_says_so() -> None:
    assert (
        request(http(uri="http://service/${encoding=url;workflow.input.x}?q", inputs=("x",)), x="a/b ?").url
        == "http://service/a%2Fb%20%3F?q"
    )


def test_the_environment_is_there_as_far_as_it_is_allowed() -> None:
    assert request(http(headers={"X-T": "${env.TOKEN}", "X-U": "${env.HOME|none}"})).headers[1:] == ("X-T: s3cret", "X-U: none")
    job = started(http(headers={"X-T": "${env.HOME}"}))
    assert prepared(job, "call") == Failure(
        "template",
        "a template of task 'call' cannot be filled in: ${env.HOME}: HOME is not allowed, or not set: add it to env under [templates]",
    )


# where a request goes


@pytest.mark.parametrize(
    "uri",
    [
        "${workflow.input.x}",
        "${workflow.input.x|http://service}/p",
        "http://${workflow.input.x}",
        "http://${workflow.input.x}/p",
        "http://${workflow.input.x}@service/p",
        "http://service${workflow.input.x}",
        "http://service:80${workflow.input.x}",
        "http://service:${workflow.input.x}/p",
        "http://${encoding=url;workflow.input.x}.service/p",
        "http://${env.HOST}${workflow.input.x}",
        "http://me:${env.TOKEN}@${workflow.input.x}/p",
        "${env.BASE}${workflow.input.x}",
        "${env.SCHEME}://${workflow.input.x}/p",
        "${env.SCHEME}//${workflow.input.x}/p",
        "http://$${${workflow.input.x}/p",
        "http://service${a.json.x}",
        "${a.output}/p",
    ],
)
def test_no_input_and_no_reply_chooses_the_host(uri: str) -> None:
    [told] = DIALECT.flaws(chain(to(), to(uri)))
    assert told.path == "$.tasks[1].taskdef.uri"
    assert "would choose the host" in told.message
    assert "put a / between the host and it, as in http://service/${" in told.message


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        ("http://service/${workflow.input.x}", "http://service/@evil/x"),
        ("http://service:80?q=${workflow.input.x}", "http://service:80?q=@evil/x"),
        ("http://service#${workflow.input.x}", "http://service#@evil/x"),
        ("http://${env.HOST}:80/${workflow.input.x}", "http://here.local:80/@evil/x"),
        ("http://me:${env.TOKEN}@${env.HOST}/${workflow.input.x}", "http://me:s3cret@here.local/@evil/x"),
        ("${env.BASE}/${workflow.input.x}", "https://base.local:8443/at/@evil/x"),
        ("${env.BASE}/a//b/${workflow.input.x}", "https://base.local:8443/at/a//b/@evil/x"),
        ("${env.BASE|http://other}/${workflow.input.x}", "https://base.local:8443/at/@evil/x"),
        ("${env.NONE|http://other}/${workflow.input.x}", "http://other/@evil/x"),
        ("${env.BASE}", "https://base.local:8443/at"),
    ],
)
def test_behind_the_host_a_url_holds_what_it_likes(uri: str, url: str) -> None:
    assert request(http(uri=uri, inputs=("x",)), x="@evil/x").url == url


@pytest.mark.parametrize(
    "uri", ["${env.HALF}/${workflow.input.x}", "http://service:80${workflow.input.x}", "http:${env.NONE|//}${workflow.input.x}"]
)
def test_a_host_is_not_left_to_inputs_either_by_what_the_environment_holds_or_by_a_definition_stored_before(uri: str) -> None:
    of = DIALECT.read_process(json.dumps({"dialect": "mender", **http(uri=uri, inputs=("x",))}))
    job, _ = apply(new_job(of, "uuid", "uuid", b'{"x": "/evil/x"}', 1), JobStarted())
    failure = prepared(job, "call")
    assert isinstance(failure, Failure)
    assert (failure.kind, "${workflow.input.x} would choose the host" in failure.text) == ("template", True)


# how much it comes to


LARGE = "v" * 900_000


@pytest.mark.parametrize(
    "block",
    [
        {"payload": '{"a": "' + "${workflow.input.x}" * 1500 + '"}'},
        {"payload": "[" + ",".join(["${workflow.input.x}"] * 1500) + "]"},
        {"payload": ["${workflow.input.x}"] * 1500},
        {"payload": "${workflow.input.x}" * 1500, "contentType": "text/plain"},
        {"headers": {f"X-{number}": "${workflow.input.x}" for number in range(1500)}},
    ],
)
def test_a_large_input_that_is_named_often_takes_no_more_than_a_request_may_have(block: dict[str, Any]) -> None:
    job = started(http(inputs=("x",), **block), x=LARGE)
    failure, bytes_at_most = peak(lambda: prepared(job, "call"))
    text = "a template of task 'call' cannot be filled in: with all names filled in it has more than 16777216 characters"
    assert isinstance(failure, Failure)
    assert failure.text.replace(", it", " it") == text
    assert bytes_at_most < 100 * 1024 * 1024


def test_so_does_a_command() -> None:
    job = started(chain({"type": "cli", "cli": {"command": ["/bin/echo", *["${workflow.input.x}"] * 1500]}}), x=LARGE)
    failure, bytes_at_most = peak(lambda: prepared(job, "a"))
    assert isinstance(failure, Failure)
    assert bytes_at_most < 100 * 1024 * 1024


@pytest.mark.parametrize(("output", "is_sent"), [(b'{"n": 1}', [1, 200] * 50), (b'{"n": 1', ["none", 200] * 50)])
def test_an_output_that_is_named_often_is_read_once(monkeypatch: pytest.MonkeyPatch, output: bytes, is_sent: list[Any]) -> None:
    read: list[bytes] = []
    monkeypatch.setattr(scope, "parse", lambda text: read.append(text) or parse(text))
    job = after(started(chain(to(), to(payload=["${a.json.n|none}", "${a.status}"] * 50)), x=""), "a", Reply(output))
    attempt = prepared(job, "b")
    assert isinstance(attempt, HttpRequest)
    assert json.loads(attempt.body) == is_sent
    assert len(read) == 2  # what was recorded, and the reply in it


def peak(work: Callable[[], Any]) -> tuple[Any, int]:
    """What the work comes to, and how many bytes more it has taken at once."""
    tracemalloc.start()
    try:
        return work(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# what earlier tasks were replied


def test_what_a_task_was_replied_is_there_for_the_next() -> None:
    then = to(
        "http://service/${a.json.items[0].id}/${a.json.items.0.id}/${a.status}",
        payload={"all": "${a.json}", "n": "${a.json.n}", "text": "${a.output}"},
    )
    attempt = second(to(), then, Reply(b'{"items": [{"id": "i1"}], "n": 2.5}', 201))
    assert isinstance(attempt, HttpRequest)
    assert attempt.url == "http://service/i1/i1/201"
    assert json.loads(attempt.body) == {
        "all": {"items": [{"id": "i1"}], "n": 2.5},
        "n": 2.5,
        "text": '{"items": [{"id": "i1"}], "n": 2.5}',
    }


def test_what_a_command_wrote_is_there_for_the_next() -> None:
    command = {"type": "cli", "cli": {"command": ["/bin/echo"]}}
    then = to(payload=["${a.json.n}", "${a.output}", "${a.error}", "${a.status}"])
    attempt = second(command, then, Reply(b'{"n": 1}\n', 0, stderr=b"careful"))
    assert isinstance(attempt, HttpRequest)
    assert json.loads(attempt.body) == [1, '{"n": 1}\n', "careful", 0]


def test_a_tasks_name_may_hold_dots() -> None:
    definition = chain(to() | {"name": "a.b"}, to("http://service/${a.b.json.x}"))
    attempt = prepared(after(started(definition, x=1), "a.b", Reply(b'{"x": "y"}')), "b")
    assert isinstance(attempt, HttpRequest)
    assert attempt.url == "http://service/y"


@pytest.mark.parametrize(
    ("template", "reply", "text"),
    [
        ("${a.json.who}", Reply(b'{"name": 1}'), "${a.json.who}: the output of task 'a' has no 'who'; it has: name"),
        ("${a.json.x}", Reply(b"<html>"), "${a.json.x}: the output of task 'a' cannot be read as JSON: it is no JSON (line 1, column 1)"),
        ("${a.json}", Reply(b""), "${a.json}: the output of task 'a' cannot be read as JSON: it is no JSON (line 1, column 1)"),
    ],
)
def test_a_template_that_names_what_is_not_there_is_the_tasks_failure(template: str, reply: Reply, text: str) -> None:
    attempt = second(to(), to(payload=template), reply)
    assert attempt == Failure("template", f"a template of task 'b' cannot be filled in: {text}")


def test_a_default_stands_in_for_what_is_not_there() -> None:
    attempt = second(to(), to("http://service/${a.json.who|nobody}"), Reply(b"<html>"))
    assert isinstance(attempt, HttpRequest)
    assert attempt.url == "http://service/nobody"


@pytest.mark.parametrize("template", ["${workflow.input.x}", "${a.json.who}", "${workflow.input.y}", "  "])
def test_a_task_is_skipped_where_something_that_it_requires_is_empty(template: str) -> None:
    definition = chain(to(), to() | {"requires": ["always", template]}, optional=("y",))
    job = after(started(definition, x=""), "a", Reply())
    assert prepared(job, "b") == Skip(f"{template} is empty, which the task requires")


def test_a_task_whose_requirements_are_there_is_called() -> None:
    attempt = second(to(), to() | {"requires": ["${workflow.input.x}", "${a.json.n}"]}, Reply(b'{"n": 0}'), x=False)
    assert isinstance(attempt, HttpRequest)


def test_a_skipped_task_has_no_output_for_the_next() -> None:
    definition = chain(to() | {"requires": [""]}, to(payload={"n": "${a.json.n|none}"}), to(payload="${a.json}"))
    job, _ = apply(started(definition, x=""), TaskSkipped("a", "why"))
    attempt = prepared(job, "b")
    assert isinstance(attempt, HttpRequest)
    assert attempt.body == b'{"n":"none"}'
    failure = prepared(job, "c")
    assert isinstance(failure, Failure)
    assert failure.text.endswith("${a.json}: task 'a' was skipped: it has no output")


# other kinds of attempts


def test_a_command_is_run_with_its_words_filled_in_and_no_shell() -> None:
    definition = chain({"type": "cli", "cli": {"command": ["/bin/echo", "${workflow.input.x}; rm -rf"], "executionTimeOut": 1500}})
    attempt = prepared(started(definition, x="$(a) 'b"), "a")
    command = ("/bin/echo", "$(a) 'b; rm -rf")
    assert attempt == CommandLine(command, b"", 1.5, json.dumps({"command": command}, separators=(",", ":")))


def test_a_command_without_time_out_has_the_nodes() -> None:
    attempt = prepared(started(chain({"type": "cli", "cli": {"command": ["/bin/echo"]}}), x=1), "a")
    assert isinstance(attempt, CommandLine)
    assert attempt.timeout_s == 30.0


@pytest.mark.parametrize("program", ["/bin/rm", "echo", "${workflow.input.x}"])
def test_only_programs_that_are_allowed_are_run(program: str) -> None:
    attempt = prepared(started(chain({"type": "cli", "cli": {"command": [program]}}), x="/bin/sh"), "a")
    assert isinstance(attempt, Failure)
    assert attempt.kind == "not_allowed"
    assert "allowed_binaries" in attempt.text


def test_an_argument_that_no_program_can_be_given_is_a_failure() -> None:
    attempt = prepared(started(chain({"type": "cli", "cli": {"command": ["/bin/echo", "${workflow.input.x}"]}}), x="a\0b"), "a")
    assert isinstance(attempt, Failure)
    assert attempt.kind == "cannot_run"


def test_a_wait_tells_somebody_or_nobody_and_a_delay_lets_time_pass() -> None:
    tasks = (
        {"type": "wait", "wait": {"timeOut": 2000}},
        {"type": "wait", "wait": {"uri": "http://service/w", "payload": "${workflow.input.x}"}},
        {"type": "delay", "delay": {"delaySeconds": 3}},
    )
    job = started(chain(*tasks), x=1)
    assert prepared(job, "a") == Awaited(2.0, callback=True)
    told = prepared(job, "b")
    assert isinstance(told, HttpRequest)
    assert (told.url, told.body) == ("http://service/w", b"1")
    assert prepared(job, "c") == Awaited(3.0, callback=False)


# what replies mean


@pytest.mark.parametrize("status", [200, 201, 204, 302, 399])
def test_a_status_below_400_is_a_success(status: int) -> None:
    assert outcome(http(), Reply("ä<".encode(), status)) == Success(f'{{"statusCode":{status},"body":"ä<"}}')


@pytest.mark.parametrize(("status", "is_success"), [(200, False), (404, True), (500, True), (503, False)])
def test_status_codes_say_what_a_success_is(status: int, is_success: bool) -> None:
    assert isinstance(outcome(http(statusCodes=[404, 500]), Reply(b"", status)), Success) is is_success


def test_another_status_is_a_failure_with_the_url_as_it_was_called() -> None:
    failure = outcome(http(uri="http://service/${workflow.input.x|1}") | {"optionalParameters": ["x"]}, Reply(b" not now ", 503, "7"))
    assert failure == Failure("http_503", "http://service/1 replied 503: not now", 7.0)


def test_a_call_that_brought_no_reply_is_a_failure_of_its_kind() -> None:
    assert outcome(http(), Reply(b"", 0, failure="refused", error="nobody there")) == Failure("refused", "nobody there")


def test_a_reply_that_is_no_text_is_kept_as_far_as_it_is_one() -> None:
    assert outcome(http(), Reply(b"\xff\x00a")) == Success('{"statusCode":200,"body":"\ufffd\\u0000a"}')


def test_a_commands_exit_code_says_whether_it_went_well() -> None:
    definition = chain({"type": "cli", "cli": {"command": ["/bin/echo"]}}, inputs=())
    done = outcome(definition, Reply(b"out", 0, stderr=b"err", is_cut=True))
    assert json.loads(done.data) == {"exit_code": 0, "stdout": "out", "stderr": "err", "truncated": True}
    assert outcome(definition, Reply(b"", 3, stderr=b"no such thing")).kind == "exit_3"


def test_the_error_of_a_command_names_the_program_that_was_run() -> None:
    definition = chain({"type": "cli", "cli": {"command": ["${workflow.input.x}"]}})
    job = started(definition, x="/bin/echo")
    job, _ = apply(job, TaskCalled("a", getattr(prepared(job, "a"), "note", "")))
    failure = DIALECT.outcome(job, job.tasks["a"], Reply(b"", 127))
    assert failure == Failure("exit_127", "/bin/echo ended with status 127")


def test_a_wait_goes_on_until_the_callback_comes() -> None:
    definition = chain({"type": "wait", "wait": {"uri": "http://service/w", "timeOut": 5000}}, inputs=())
    assert outcome(definition, Reply(b"{}", 200)) == Awaited(5.0, callback=True)
    assert outcome(definition, Reply(b"{}", 500)).kind == "http_500"
    assert outcome(definition, Reply(b'{"ok": true}', 200, is_callback=True)) == Success('{"statusCode":200,"body":"{\\"ok\\": true}"}')


def test_a_recorded_success_is_the_same_again() -> None:
    job = after(started(http()), "call", Reply(b"done"))
    task: Task = job.tasks["call"]
    assert task.output is not None
    assert DIALECT.recorded(job, task, task.output.data, "undefined", "") == Success(task.output.data, None, "undefined", names=())
