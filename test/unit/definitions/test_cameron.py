"""The main dialect: what it takes as a request and as a reply, and what it says of the rest."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameron.core.event import Failure, Growth, Invocation, JobStarted, Success, TaskCalled
from cameron.core.job import Job, Task, apply, new_job
from cameron.core.process import Limits, RetryPolicy, Timeouts
from cameron.definitions import dialects, read_document
from cameron.definitions.cameron import CameronDialect
from cameron.definitions.settings import Settings
from cameron.errors import ConfigError, InvalidRequest

from .written import Reply

SETTINGS = Settings(RetryPolicy(attempts=7), Timeouts(call_s=1.5), Limits(max_tasks=5))
DIALECT = CameronDialect(SETTINGS)
FOO = DIALECT.process("foo", "http://service/start", "here")


def running(key: str = "(id,007)") -> Job:
    """A job of which `start` has been called."""
    job, _ = apply(new_job(FOO, key, "uuid", b"payload", 1), JobStarted())
    return apply(job, TaskCalled("start"))[0]


def outcome(reply: Reply, key: str = "(id,007)") -> Any:
    """What the reply to `start` means."""
    job = running(key)
    return DIALECT.outcome(job, job.tasks["start"], reply)


def replied(**fields: Any) -> Any:
    """What a reply with these members means."""
    return outcome(Reply(json.dumps(fields).encode()))


# definitions


def test_a_process_is_its_one_start_activity_with_the_nodes_settings() -> None:
    [start] = FOO.activities
    assert (FOO.name, FOO.dialect, FOO.start_target, FOO.limits) == ("foo", "cameron", "http://service/start", Limits(max_tasks=5))
    assert (start.name, start.kind, start.after, start.required, start.at_most_once) == ("start", "http", (), False, False)
    assert (start.retry.attempts, start.timeouts.call_s) == (7, 1.5)


def test_a_stored_definition_reads_as_the_very_same_process() -> None:
    assert DIALECT.read_process(FOO.document) == FOO
    assert read_document(FOO.document, SETTINGS) == FOO
    assert list(dialects(SETTINGS)) == ["cameron", "tickets", "libero", "mender", "machinery"]


def test_definitions_that_differ_have_different_digests() -> None:
    others = [DIALECT.process("foo", "http://service/other", "here"), DIALECT.process("bar", "http://service/start", "here")]
    assert len({FOO.digest, *(other.digest for other in others)}) == 3


@pytest.mark.parametrize("url", ["HTTP://service/", "https://service/ä b"])
def test_a_start_url_is_of_http(url: str) -> None:
    assert DIALECT.process("foo", url, "here").start_target == url


@pytest.mark.parametrize("url", ["", "ftp://service/", "service/start", "httpx://service", " http://service"])
def test_another_start_url_is_refused_with_its_place(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^here: start_activity_url of 'foo' must begin with http:// or https://"):
        DIALECT.process("foo", url, "here")


# requests


def test_a_request_becomes_the_body_of_the_first_call_in_the_documented_order() -> None:
    request = DIALECT.read_request(FOO, b'{"requestor": "me", "data": {"b": 1, "a": [2.0, "\\u00e4"]}, "key": "(id,007)"}')
    assert request.key == "(id,007)"
    assert request.requestor == "me"
    assert request.data == '{"b":1,"a":[2.0,"ä"]}'
    assert request.payload.decode() == '{"key":"(id,007)","data":{"b":1,"a":[2.0,"ä"]},"requestor":"me"}'


@pytest.mark.parametrize(
    ("data", "stored", "sent"),
    [
        ('"a string"', "a string", '"a string"'),
        ('"{\\"a\\": 1}"', '{"a": 1}', '"{\\"a\\": 1}"'),
        ('""', "", '""'),
        ("null", "null", "null"),
        ("17", "17", "17"),
        ("[true]", "[true]", "[true]"),
    ],
)
def test_data_is_any_value_and_a_string_is_stored_as_it_is(data: str, stored: str, sent: str) -> None:
    request = DIALECT.read_request(FOO, f'{{"key": "k", "data": {data}}}'.encode())
    assert (request.data, request.payload.decode()) == (stored, f'{{"key":"k","data":{sent},"requestor":""}}')


def test_data_and_requestor_may_be_missing() -> None:
    request = DIALECT.read_request(FOO, b'{"key": "k"}')
    assert (request.data, request.requestor, request.payload) == ("null", "", b'{"key":"k","data":null,"requestor":""}')


@pytest.mark.parametrize("key", ["k", "x" * 256, "a/b c", "(id,007)", "...", "ключ", "..a", "😀" * 256, '"\\'])
def test_a_key_may_hold_anything_readable(key: str) -> None:
    request = DIALECT.read_request(FOO, json.dumps({"key": key}).encode())
    assert request.key == key
    assert json.loads(request.payload)["key"] == key


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (b"", "body_empty", None),
        (b" \n", "body_empty", None),
        (b"{", "body_not_json", None),
        (b'{"key": NaN}', "body_not_json", None),
        (b"\xff", "body_not_json", None),
        (b"[" * 5000, "body_not_json", None),
        (b'{"key": "k", "data": ' + b"9" * 5000 + b"}", "body_not_json", None),
        (b"[]", "body_not_object", None),
        (b'"key"', "body_not_object", None),
        (b"null", "body_not_object", None),
        (b"{}", "key_missing", "key"),
        (b'{"data": 1}', "key_missing", "key"),
        (b'{"key": null}', "key_invalid", "key"),
        (b'{"key": 7}', "key_invalid", "key"),
        (b'{"key": ["k"]}', "key_invalid", "key"),
        (b'{"key": ""}', "key_invalid", "key"),
        (b'{"key": "."}', "key_invalid", "key"),
        (b'{"key": ".."}', "key_invalid", "key"),
        (b'{"key": "a\\u0000"}', "key_invalid", "key"),
        (b'{"key": "a\\u009f"}', "key_invalid", "key"),
        (b'{"key": "' + b"x" * 257 + b'"}', "key_invalid", "key"),
        (b'{"key": "k", "requestor": null}', "requestor_invalid", "requestor"),
        (b'{"key": "k", "requestor": {}}', "requestor_invalid", "requestor"),
        (b'{"key": "\\ud800"}', "body_invalid", None),
        (b'{"key": "k", "requestor": "\\udfff"}', "body_invalid", None),
        (b'{"key": "k", "data": ["\\ud800"]}', "body_invalid", None),
        (b'{"key": "k", "data": 1e999}', "body_invalid", None),
    ],
)
def test_a_request_that_cannot_be_taken_says_why(body: bytes, code: str, field: str | None) -> None:
    with pytest.raises(InvalidRequest) as caught:
        DIALECT.read_request(FOO, body)
    assert (caught.value.code, caught.value.field) == (code, field)
    assert caught.value.message


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["key", "data", "requestor", "x"]), inner, max_size=4),
    max_leaves=8,
)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_a_client_sends_is_taken_whole_or_refused(body: bytes) -> None:
    try:
        request = DIALECT.read_request(FOO, body)
    except InvalidRequest:
        return
    sent = json.loads(body)
    called_with = {"key": sent["key"], "data": sent.get("data"), "requestor": sent.get("requestor", "")}
    assert json.loads(request.payload) == called_with
    assert (request.key, request.requestor) == (called_with["key"], called_with["requestor"])
    assert (request.data if isinstance(called_with["data"], str) else json.loads(request.data)) == called_with["data"]


# replies


@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_any_2xx_with_a_json_object_is_a_success(status: int) -> None:
    assert outcome(Reply(b'{"name": "whois", "data": {"a": 1}}', status)) == Success('{"a":1}', None, "undefined")


@pytest.mark.parametrize("said", [{}, {"next_activities": None}, {"next_activities": "undefined"}])
def test_a_reply_may_name_no_next_activities_in_three_ways(said: dict[str, Any]) -> None:
    assert replied(data=1, **said) == Success("1", None, "undefined")


def test_a_reply_may_be_without_anything() -> None:
    assert outcome(Reply(b"{}")) == Success("null", None, "undefined")


def test_next_activities_are_called_with_the_replys_data_in_the_replys_name() -> None:
    next_activities = {"parallelizable": "no", "definitions": [{"name": "a", "url": "http://a/"}, {"name": "b", "url": "http://b/"}]}
    success = replied(name="whois", data={"x": "ä"}, next_activities=next_activities)
    assert isinstance(success.growth, Growth)
    assert [(activity.name, activity.call.url) for activity in success.growth.activities] == [("a", "http://a/"), ("b", "http://b/")]
    assert not success.growth.parallel
    assert {activity.retry.attempts for activity in success.growth.activities} == {7}
    assert json.loads(success.growth_text) == next_activities
    assert " " not in success.growth_text
    assert success.payload.decode() == '{"key":"(id,007)","data":{"x":"ä"},"requestor":"whois"}'
    assert success.requestor == "whois"


@pytest.mark.parametrize("said", [{}, {"name": None}, {"name": ""}])
def test_a_reply_without_a_name_goes_by_its_tasks(said: dict[str, Any]) -> None:
    success = replied(next_activities={"definitions": [{"name": "a", "url": "http://a/"}]}, **said)
    assert (success.requestor, json.loads(success.payload)["requestor"]) == ("start", "start")


def python_task(job: Job, **said: Any) -> Task:
    """A task that grew from `start`, of kind python."""
    success = replied(data={"amount": 5}, next_activities={"definitions": [{"name": "pay", "kind": "python", **said}]})
    assert success.growth, success
    [activity] = success.growth.activities
    return job.tasks["start"]._replace(name="pay", activity=activity, payload=success.payload)


def test_a_next_activity_in_python_works_on_the_replys_data_alone() -> None:
    task = python_task(running(), activity="charge", timeout_s=60, isolation="process")
    assert task.activity.retry.attempts == 7
    assert DIALECT.prepare(running(), task) == Invocation("charge", b'{"amount":5}', b"{}", 60.0, "process")


def test_what_an_activity_in_python_comes_to_is_its_data_or_its_failure() -> None:
    job = running()
    task = python_task(job, activity="charge")
    assert DIALECT.outcome(job, task, Reply(b'{"paid": true, "next_activities": 5}', 0)) == Success('{"paid":true,"next_activities":5}')
    failed = Reply(b"", 0, failure="temporary_failure", error="charge: the bank is closed")
    assert DIALECT.outcome(job, task, failed) == Failure("temporary_failure", "charge: the bank is closed")


def test_next_activities_are_parallel_unless_said_otherwise() -> None:
    definitions = [{"name": "a", "url": "http://a/"}]
    assert replied(next_activities={"definitions": definitions}).growth.parallel
    assert replied(next_activities={"definitions": definitions, "parallelizable": "yes"}).growth.parallel


def test_no_definitions_are_no_growth_and_recorded_as_replied() -> None:
    success = replied(next_activities={"parallelizable": "yes", "definitions": []})
    assert (success.growth, success.growth_text) == (None, '{"parallelizable":"yes","definitions":[]}')


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "it is empty"),
        (b"\r\n", "it is empty"),
        (b"<html>", "cannot be used: it is no JSON (line 1, column 1)"),
        (b"\xff{}", "not UTF-8"),
        (b"[{}]", "no JSON object"),
        (b'"undefined"', "no JSON object"),
        (b"{" * 9, "it is no JSON (line 1, column 2)"),
        (b'{"data": NaN}', "NaN is not JSON"),
        (b'{"data": 1e999}', "a number too large"),
        (b'{"data": ' + b"9" * 5000 + b"}", "too many digits"),
        (b'{"data": ' + b"[" * 5000, "nested too deeply"),
        (b'{"data": "\\ud800"}', "lone surrogate"),
        (b'{"name": 7}', "its name is no string"),
        (b'{"next_activities": 7}', "its next_activities is no object"),
        (b'{"next_activities": []}', "its next_activities is no object"),
        (b'{"next_activities": ""}', "its next_activities is no object"),
        (b'{"next_activities": {}}', "has no list of definitions"),
        (b'{"next_activities": {"parallelizable": "yes"}}', "has no list of definitions"),
        (b'{"next_activities": {"definitions": {}}}', "has no list of definitions"),
        (b'{"next_activities": {"definitions": [], "parallelizable": true}}', 'neither "yes" nor "no"'),
        (b'{"next_activities": {"definitions": [], "parallelizable": []}}', 'neither "yes" nor "no"'),
        (b'{"next_activities": {"definitions": ["a"]}}', "a definition in its next_activities is no object"),
        (b'{"next_activities": {"definitions": [{"url": "http://a/"}]}}', "a task's name must be a string"),
        (b'{"next_activities": {"definitions": [{"name": "a,b", "url": "http://a/"}]}}', "comma"),
        (b'{"next_activities": {"definitions": [{"name": "a#2", "url": "http://a/"}]}}', "'#'"),
        (b'{"next_activities": {"definitions": [{"name": "\\ud800", "url": "http://a/"}]}}', "lone surrogate"),
        (b'{"next_activities": {"definitions": [{"name": "a"}]}}', "the url of 'a'"),
        (b'{"next_activities": {"definitions": [{"name": "a", "url": ""}]}}', "the url of 'a'"),
        (b'{"next_activities": {"definitions": [{"name": "a", "url": 7}]}}', "the url of 'a'"),
        (b'{"next_activities": {"definitions": [{"name": "a", "url": "http://\\ud800/"}]}}', "lone surrogate"),
    ],
)
def test_a_reply_that_is_not_of_the_documented_form_is_an_error_that_says_where_and_why(body: bytes, why: str) -> None:
    failure = outcome(Reply(body))
    assert isinstance(failure, Failure)
    assert failure.kind == "invalid_reply"
    assert failure.text.startswith("the reply of http://service/start cannot be used: ")
    assert why in failure.text


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (Reply(b"", 500), Failure("http_500", "http://service/start replied 500")),
        (Reply(b" it hurts \n", 500), Failure("http_500", "http://service/start replied 500: it hurts")),
        (Reply(b"\xff\xfe", 404), Failure("http_404", "http://service/start replied 404: \ufffd\ufffd")),
        (Reply(b'{"data": 1}', 302), Failure("http_302", 'http://service/start replied 302: {"data": 1}')),
        (Reply(b"", 199), Failure("http_199", "http://service/start replied 199")),
        (Reply(b"", 503, "120"), Failure("http_503", "http://service/start replied 503", 120.0)),
        (Reply(b"", 503, "Wed, 21 Oct 2015 07:28:00 GMT"), Failure("http_503", "http://service/start replied 503")),
        (Reply(b"", 503, "-5"), Failure("http_503", "http://service/start replied 503")),
        (Reply(b"", 503, "²"), Failure("http_503", "http://service/start replied 503")),
        (Reply(b"", 503, "9" * 400), Failure("http_503", "http://service/start replied 503")),
        (Reply(b"", 0, "", "refused", "it refused"), Failure("refused", "it refused")),
        (Reply(b'{"data": 1}', 200, "", "too_large", "above the cap"), Failure("too_large", "above the cap")),
    ],
)
def test_any_other_answer_is_a_failure_of_its_kind(reply: Reply, failure: Failure) -> None:
    assert outcome(reply) == failure


def test_a_long_error_page_is_cut() -> None:
    failure = outcome(Reply("ä".encode() * 10_000, 500))
    assert failure.text == "http://service/start replied 500: " + "ä" * 500 + "…"


SCRAP = JSON | st.fixed_dictionaries(
    {}, optional={"name": JSON, "data": JSON, "next_activities": JSON | st.fixed_dictionaries(
        {}, optional={"parallelizable": st.sampled_from(["yes", "no", 1]), "definitions": JSON | st.lists(
            st.fixed_dictionaries({}, optional={"name": st.just("a") | st.text(), "url": st.just("http://a/") | st.text()}), max_size=3)})},
)  # fmt: skip


@given(st.binary() | SCRAP.map(lambda value: json.dumps(value).encode()), st.sampled_from([0, 200, 204, 500]), st.text())
def test_whatever_a_service_replies_has_an_outcome_that_can_be_written_and_applied(body: bytes, status: int, retry_after: str) -> None:
    job = running()
    result = DIALECT.outcome(job, job.tasks["start"], Reply(body, status, retry_after))
    assert isinstance(result, (Success, Failure))
    if isinstance(result, Success):
        (result.data + result.growth_text + result.requestor).encode()
        json.loads(result.data)
    else:
        result.text.encode()


@given(st.sampled_from(["yes", "no"]), st.lists(st.sampled_from(["a", "b"]), max_size=4), st.text(), JSON)
def test_a_success_reads_the_same_from_its_record(parallelizable: str, names: list[str], name: str, data: Any) -> None:
    definitions = [{"name": name, "url": f"http://{name}/"} for name in names]
    said = outcome(Reply(json.dumps({"name": name, "data": data, "next_activities": {
        "parallelizable": parallelizable, "definitions": definitions}}).encode()))  # fmt: skip
    if isinstance(said, Failure):
        return
    job = running()
    handover = json.dumps([said.requestor, names]) if names else ""
    assert DIALECT.recorded(job, job.tasks["start"], said.data, said.growth_text, handover) == said._replace(names=tuple(names))
