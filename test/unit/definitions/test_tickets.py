"""The earlier ticket system: its requests, replies, URLs, fields and routes, and a rebuild from what is recorded."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameron.core.event import Awaited, Failure, Growth, HttpRequest, Invocation, JobStarted, Success, TaskCalled
from cameron.core.job import Job, apply, new_job
from cameron.core.process import CommandCall, DelayCall, HttpCall, Limits, Process, PythonCall, RetryPolicy, Timeouts, WaitCall
from cameron.definitions.dialect import JobRequest
from cameron.definitions.manner import Answer, Started
from cameron.definitions.settings import Settings
from cameron.definitions.tickets import TicketDialect
from cameron.errors import ConfigError, InvalidRequest, JobFinished, JobNotFound, ProcessNotFound

from ..core.run import DEADLINE_MS, Run
from .written import Reply, pairs

SETTINGS = Settings(RetryPolicy(attempts=7), Timeouts(call_s=1.5), Limits(max_tasks=50))
DIALECT = TicketDialect(SETTINGS)
URL = "http://foo.com/workflow/bar/start/{key}"
BAR = DIALECT.process("bar", URL, "here")
UUID = "0123456789abcdef0123456789abcdef"
STAMP = "11-20-2026 22:38:00"
# The reply of the document.
REPLY = {
    "name": "bar",
    "data": "any JSON-like data to be attached to that resquest",
    "next": [{"name": "kar", "url": "http://kar.com/workflow/{key}"}, {"name": "xar", "url": "http://xar.com/workflow/{key}"}],
    "parallel": "yes",
}


def running(key: str = "007", of: Process = BAR) -> Job:
    """A ticket whose start has been called."""
    job, _ = apply(new_job(of, key, UUID, b"payload", 1), JobStarted())
    return apply(job, TaskCalled("start"))[0]


def replied(said: Any, key: str = "007", status: int = 200) -> Any:
    """What that reply to `start` means."""
    job = running(key)
    return DIALECT.outcome(job, job.tasks["start"], Reply(said if isinstance(said, bytes) else json.dumps(said).encode(), status))


# definitions


def test_a_workflow_is_a_process_of_its_own_name_space_that_starts_at_its_url() -> None:
    [start] = BAR.activities
    assert (BAR.name, BAR.dialect, BAR.limits, BAR.start_target) == ("workflow:bar", "tickets", Limits(max_tasks=50), URL)
    assert (start.name, start.kind, start.retry.attempts, start.timeouts.call_s) == ("start", "http", 7, 1.5)


def test_a_stored_definition_reads_as_the_very_same_process() -> None:
    options = DIALECT.process("bar", URL, "here", {"max_jobs": 3, "retry.attempts": 2})
    assert (options.max_jobs, options.activities[0].retry.attempts) == (3, 2)
    assert [DIALECT.read_process(process.document) for process in (BAR, options)] == [BAR, options]
    assert json.loads(BAR.document) == {"dialect": "tickets", "name": "bar", "start_point_url": URL}
    assert (
        len({BAR.digest, options.digest, DIALECT.process("zar", URL, "here").digest, DIALECT.process("bar", "http://b/", "").digest}) == 4
    )


@pytest.mark.parametrize(
    ("name", "url", "why"),
    [
        ("bar", "foo.com/start", "start_point_url of 'bar' must begin with http:// or https://, not be 'foo.com/start'"),
        ("bar", "ftp://foo.com/{key}", "must begin with http:// or https://"),
        ("bar", "http://foo.com/{id}", "start_point_url of 'bar': {id} is unknown; the only name here is {key}"),
        ("bar", "http://foo.com/{key}/{Key}", "{Key} is unknown"),
        ("a:b", URL, "a process name is 1 to 64 letters"),
    ],
)
def test_a_definition_that_cannot_be_used_is_refused_with_its_place(name: str, url: str, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        DIALECT.process(name, url, "bar.config:1:2")
    assert str(caught.value).startswith("bar.config:1:2: ")
    assert why in str(caught.value)


# requests


@pytest.mark.parametrize(
    ("data", "stored", "sent"),
    [
        ('"a string"', "a string", '"a string"'),
        ('"17"', "17", '"17"'),
        ("17", "17", "17"),
        ('{"b": [1.0, "ä"]}', '{"b":[1.0,"ä"]}', '{"b":[1.0,"ä"]}'),
    ],
)
def test_a_request_becomes_the_body_of_the_first_call(data: str, stored: str, sent: str) -> None:
    request = DIALECT.read_request(BAR, f'{{"data": {data}, "key": "007"}}'.encode())
    assert (request.key, request.data, request.requestor, request.payload.decode()) == ("007", stored, "", f'{{"key":"007","data":{sent}}}')


def test_data_may_be_missing_and_other_members_are_nobodys() -> None:
    request = DIALECT.read_request(BAR, b'{"key": "k", "requestor": 7}')
    assert request == JobRequest("k", "null", "", b'{"key":"k","data":null}')


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (b"", "body_empty", None),
        (b"{", "body_not_json", None),
        (b"[]", "body_not_object", None),
        (b"{}", "key_missing", "key"),
        (b'{"key": 7}', "key_invalid", "key"),
        (b'{"key": ""}', "key_invalid", "key"),
        (b'{"key": ".."}', "key_invalid", "key"),
        (b'{"key": "a\\u0000"}', "key_invalid", "key"),
        (b'{"key": "' + b"x" * 257 + b'"}', "key_invalid", "key"),
        (b'{"key": "\\ud800"}', "body_invalid", None),
        (b'{"key": "k", "data": 1e999}', "body_invalid", None),
    ],
)
def test_a_request_that_cannot_be_taken_says_why(body: bytes, code: str, field: str | None) -> None:
    with pytest.raises(InvalidRequest) as caught:
        DIALECT.read_request(BAR, body)
    assert (caught.value.code, caught.value.field) == (code, field)
    assert "requestor" not in caught.value.message


# calls


@pytest.mark.parametrize(
    ("key", "in_the_url"),
    [
        ("007", "007"),
        ("(id,007)", "%28id%2C007%29"),
        ("a b/c", "a%20b%2Fc"),
        ("ключ?x=1#y", "%D0%BA%D0%BB%D1%8E%D1%87%3Fx%3D1%23y"),
        ("%2F&{key}", "%252F%26%7Bkey%7D"),
    ],
)
def test_the_key_goes_percent_encoded_into_the_urls(key: str, in_the_url: str) -> None:
    job = running(key)
    start = f"http://foo.com/workflow/bar/start/{in_the_url}"
    assert DIALECT.prepare(job, job.tasks["start"]) == HttpRequest(start, b"payload")
    growth = replied(REPLY, key).growth
    assert [activity.call for activity in growth.activities] == [
        HttpCall(f"http://kar.com/workflow/{in_the_url}"),
        HttpCall(f"http://xar.com/workflow/{in_the_url}"),
    ]
    assert replied(b"no", key, 500) == Failure("http_500", f"{start} replied 500: no")


def test_a_url_without_the_key_is_called_as_it_stands() -> None:
    url = "http://foo.com/{}/{1}/a{"
    job = running(of=DIALECT.process("bar", url, "here"))
    assert DIALECT.prepare(job, job.tasks["start"]) == HttpRequest(url, b"payload")


# replies


def test_the_documented_reply_names_two_tasks_that_are_called_with_its_data() -> None:
    success = replied(REPLY)
    assert isinstance(success.growth, Growth)
    assert [activity.name for activity in success.growth.activities] == ["kar", "xar"]
    assert success.growth.parallel
    assert {activity.retry.attempts for activity in success.growth.activities} == {7}
    assert success.data == json.dumps(REPLY["data"])
    assert success.payload.decode() == f'{{"key":"007","data":{json.dumps(REPLY["data"])}}}'
    assert json.loads(success.growth_text) == {"next": REPLY["next"], "parallel": "yes"}


@pytest.mark.parametrize(("said", "parallel"), [({}, True), ({"parallel": "yes"}, True), ({"parallel": "no"}, False)])
def test_next_tasks_are_called_together_unless_parallel_says_no(said: dict[str, str], parallel: bool) -> None:
    success = replied({"next": [{"name": "a", "url": "http://a/"}], **said})
    assert (success.growth.parallel, success.data) == (parallel, "null")


@pytest.mark.parametrize("said", [{}, {"next": None}, {"next": "undefined"}, {"parallel": "no"}, {"name": "bar"}, {"name": None}])
def test_all_but_the_data_may_be_missing(said: dict[str, Any]) -> None:
    assert replied({"data": [1], **said}) == Success("[1]", None, "undefined")


def test_a_reply_may_name_no_next_tasks_and_is_recorded_so() -> None:
    assert replied({"next": [], "parallel": "no"}) == Success("null", None, '{"next":[],"parallel":"no"}')


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"", "it is empty"),
        (b"<html>", "it is no JSON"),
        ([], "it is no JSON object"),
        ({"name": 7}, "its name is no string"),
        ({"next": {}}, "its next is no list"),
        ({"next": ""}, "its next is no list"),
        ({"next": [], "parallel": True}, 'its parallel is neither "yes" nor "no"'),
        ({"next": [], "parallel": None}, 'its parallel is neither "yes" nor "no"'),
        ({"next": [], "parallel": []}, 'its parallel is neither "yes" nor "no"'),
        ({"next": ["kar"]}, "a definition in its next is no object"),
        ({"next": [{"url": "http://kar.com/"}]}, "in its next, a task's name must be a string"),
        ({"next": [{"name": "a,b", "url": "http://a/"}]}, "comma"),
        ({"next": [{"name": "kar"}]}, "the url of 'kar' in its next is no string"),
        ({"next": [{"name": "kar", "url": "http://a/{ticket}"}]}, "in its next, {ticket} is unknown; the only name here is {key}"),
        ({"next": [{"name": "kar", "kind": "wait", "timeout_s": 1, "url": "http://a/{x}"}]}, "in its next, {x} is unknown"),
        ({"next": [{"name": "kar", "kind": "prayer"}]}, "the kind of 'kar' is none of"),
        ({"next": [{"name": "kar", "url": "http://\ud800/"}]}, "lone surrogate"),
    ],
)
def test_a_reply_that_is_not_of_the_documented_form_is_an_error_that_says_where_and_why(said: Any, why: str) -> None:
    failure = replied(said)
    assert isinstance(failure, Failure)
    assert failure.kind == "invalid_reply"
    assert failure.text.startswith("the reply of http://foo.com/workflow/bar/start/007 cannot be used: ")
    assert why in failure.text


def test_an_attempt_without_a_reply_is_a_failure_of_its_kind() -> None:
    job = running()
    assert DIALECT.outcome(job, job.tasks["start"], Reply(b"", 0, "", "refused", "it refused")) == Failure("refused", "it refused")


def test_next_tasks_may_be_of_any_kind() -> None:
    said = [
        {"name": "cut", "kind": "command", "command": ["/bin/cut", "-c1"]},
        {"name": "ask", "kind": "wait", "url": "http://ask.com/{key}", "timeout_s": 60},
        {"name": "rest", "kind": "delay", "delay_s": 2},
        {"name": "pay", "kind": "python", "activity": "charge", "isolation": "thread"},
    ]
    growth = replied({"next": said}, "a b").growth
    assert [activity.call for activity in growth.activities] == [
        CommandCall(("/bin/cut", "-c1")),
        WaitCall(60.0, "http://ask.com/a%20b"),
        DelayCall(2.0),
        PythonCall("charge", 0.0, "thread"),
    ]


def test_a_next_task_in_python_works_on_the_replys_data_alone_and_its_output_is_what_it_returns() -> None:
    job, success = running("{x}"), replied({"data": [1, "ä"], "next": [{"name": "pay", "kind": "python", "activity": "charge"}]}, "{x}")
    task = job.tasks["start"]._replace(activity=success.growth.activities[0], payload=success.payload)
    assert DIALECT.prepare(job, task) == Invocation("charge", '[1,"ä"]'.encode())
    assert DIALECT.outcome(job, task, Reply(b'{"next": 5}', 0)) == Success('{"next":5}')


def test_a_wait_is_over_when_its_callback_comes_in_the_form_of_a_reply() -> None:
    job, success = running(), replied({"next": [{"name": "a", "kind": "wait", "timeout_s": 9}]})
    wait = job.tasks["start"]._replace(activity=success.growth.activities[0])
    assert DIALECT.prepare(job, wait) == Awaited(9.0, callback=True)
    assert DIALECT.outcome(job, wait, Reply(b"", 204)) == Awaited(9.0, callback=True)
    assert DIALECT.outcome(job, wait, Reply(b'{"data": 1}', is_callback=True)) == Success("1", None, "undefined")
    odd = Failure("invalid_reply", "the reply of the callback cannot be used: it is no JSON object")
    assert DIALECT.outcome(job, wait, Reply(b"[]", is_callback=True)) == odd


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "url", "kind", "x"]), inner, max_size=4),
    max_leaves=8,
)
URLS = st.text() | st.sampled_from(["http://a/{key}", "{x}"])
NEXT = st.lists(st.fixed_dictionaries({}, optional={"name": st.just("a") | st.text(), "url": URLS}), max_size=3)
PARALLEL = st.sampled_from(["yes", "no", 1])
SCRAP = JSON | st.fixed_dictionaries({}, optional={"name": JSON, "data": JSON, "parallel": PARALLEL, "next": JSON | NEXT})


@given(st.binary() | SCRAP.map(lambda value: json.dumps(value).encode()), st.sampled_from([0, 200, 204, 500]))
def test_whatever_a_service_replies_has_an_outcome_that_can_be_written(body: bytes, status: int) -> None:
    job = running("{key} ä")
    result = DIALECT.outcome(job, job.tasks["start"], Reply(body, status))
    assert isinstance(result, (Success, Failure))
    (f"{result.data}{result.growth_text}" if isinstance(result, Success) else result.text).encode()


@given(st.sampled_from(["yes", "no"]), st.lists(st.sampled_from(["a", "b"]), max_size=4), JSON)
def test_a_success_reads_the_same_from_its_record(parallel: str, names: list[str], data: Any) -> None:
    said = replied({"data": data, "next": [{"name": name, "url": f"http://{name}/{{key}}"} for name in names], "parallel": parallel})
    job = running()
    handover = json.dumps(["", names]) if names else ""
    found = DIALECT.recorded(job, job.tasks["start"], said.data, said.growth_text, handover)
    assert found == said._replace(names=tuple(names))


# the record


def test_the_hash_has_the_documented_name_and_the_documented_fields() -> None:
    layout = DIALECT.layout
    assert layout.job_key("workflow:bar", "007", UUID) == f"cameron:workflow:bar:ticket:{UUID}"
    accepted = layout.accepted(DIALECT.read_request(BAR, b'{"key": "007", "data": "d"}'), STAMP)
    assert dict(pairs(accepted)) == {
        "payload.key": "007",
        "payload.data": "d",
        "status.current": "enqueued",
        "status.enqueued.time": STAMP,
    }


def written(run: Run) -> tuple[dict[str, str], dict[str, str]]:
    """The hash and the record of a run."""
    request = DIALECT.read_request(BAR, b'{"key": "key", "data": "17"}')
    fields = dict(pairs(DIALECT.layout.accepted(request, STAMP)))
    record = dict(pairs([*request.record]))
    for job, changes in run.commits:
        writes = DIALECT.layout.writes(job, changes, STAMP)
        fields.update(pairs(writes.fields))
        record.update(pairs(writes.record))
    return fields, record


def answered(replies: dict[str, Any]) -> Run:
    """A ticket of which these tasks have been answered, in that order."""
    run = Run(BAR, lambda job, task: DIALECT.outcome(job, task, Reply(json.dumps(replies[task.name]).encode()))).start()
    for name in replies:
        run.reply(name)
    return run


def test_a_ticket_is_dispatched_and_done_in_the_documented_words() -> None:
    fields, _ = written(answered({"start": REPLY, "xar": {"data": 2}, "kar": {"data": 1}}))
    assert {name: text for name, text in fields.items() if not name.startswith("task.") and "time" not in name} == {
        "payload.key": "key",
        "payload.data": "17",
        "status.current": "done",
    }
    assert {name for name in fields if name.startswith("status.")} == {
        "status.current",
        "status.enqueued.time",
        "status.dispatched.time",
        "status.done.time",
    }
    assert fields["task.names"] == "start,kar,xar"
    assert json.loads(fields["task.start.output.next_activities"]) == {"next": REPLY["next"], "parallel": "yes"}
    assert (fields["task.kar.status.current"], fields["task.kar.output.data"]) == ("done", "1")


@pytest.mark.parametrize("answers", range(4))
def test_a_ticket_is_rebuilt_from_its_record_at_any_moment(answers: int) -> None:
    replies = {
        "start": {**REPLY, "parallel": "no"},
        "kar": {"data": 1, "next": [{"name": "kar", "url": "http://kar.com/{key}"}]},
        "kar#2": {},
    }
    run = answered(dict(list(replies.items())[:answers]))
    fields, record = written(run)
    rebuilt = DIALECT.layout.restore(new_job(BAR, "key", "uuid", b"payload", DEADLINE_MS), fields, record)
    assert {name: (task.status, task.payload, task.activity) for name, task in rebuilt.tasks.items()} == {
        name: (task.status, task.payload, task.activity) for name, task in run.job.tasks.items()
    }
    assert set(rebuilt.pending) == {task for task in run.under_way if task in run.job.tasks}


def test_clients_see_a_ticket_in_its_own_words_with_the_data_they_sent() -> None:
    fields, record = written(answered({"start": {"data": {"a": 1}}}))
    shown = json.loads(DIALECT.show("workflow:bar", 'k"status":1', UUID, fields, record))
    assert list(shown) == ["workflow", "ticket", "key", "data", "status", "tasks"]
    assert shown == {
        "workflow": "bar",
        "ticket": UUID,
        "key": 'k"status":1',
        "data": "17",
        "status": {"current": "done", "time": STAMP},
        "tasks": [{"name": "start", "status": {"current": "done", "time": STAMP}, "data": {"a": 1}}],
    }


@pytest.mark.parametrize(("data", "shown"), [("17", 17), ('{"a":"ä"}', {"a": "ä"}), ("by hand", "by hand"), ('"17"', "17")])
def test_data_that_was_no_string_is_shown_as_the_value_that_it_was(data: str, shown: Any) -> None:
    fields = {"payload.data": data, "status.current": "enqueued", "status.enqueued.time": STAMP}
    assert json.loads(DIALECT.show("workflow:bar", "k", UUID, fields, {}))["data"] == shown


# the manner


def test_tickets_are_started_and_found_at_the_documented_paths() -> None:
    manner = DIALECT.manner
    assert (manner.start, manner.job, manner.located_by_path) == ("/api/workflow/{name}/start", "/api/workflow/{name}/ticket/{uuid}", True)
    assert manner.process_of({"name": "bar"}) == "workflow:bar"
    assert manner.job.format(**manner.fields_of("workflow:bar", "", "007", UUID)) == f"/api/workflow/bar/ticket/{UUID}"


def test_a_start_is_answered_with_its_body() -> None:
    started = Started("workflow:bar", "k", UUID, '{"key": "ä"}', False, "http://host/path", "/path", "2026-11-20T22:38:00Z")
    answers = [DIALECT.manner.started(started._replace(**fields)) for fields in ({}, {"existing": True}, {"ended": b"{}"})]
    body = '{"payload": "{\\"key\\": \\"ä\\"}"'.encode()
    assert answers == [Answer(201, body + b"}"), Answer(200, body + b"}"), Answer(201, body + b', "job": {}}')]


def test_an_unknown_workflow_is_told_with_the_body_and_all_else_in_the_common_form() -> None:
    manner = DIALECT.manner
    assert manner.refused(ProcessNotFound("workflow:bar"), b"\xffx") == Answer(404, '{"payload": "\ufffdx"}'.encode())
    assert manner.refused(ProcessNotFound("workflow:bar"), None) is None
    assert manner.refused(JobFinished("workflow:bar", UUID, "done"), None) is None


def test_an_unknown_ticket_is_told_as_one() -> None:
    answer = DIALECT.manner.refused(JobNotFound("workflow:bar", UUID), None)
    text = f"workflow 'bar' has no ticket '{UUID}': check the Location you were given"
    assert answer is not None
    assert (answer.status, json.loads(answer.body)) == (404, {"error": {"code": "job_not_found", "message": text}})
