"""Everything an activity can do wrong ends its task in a recorded error, and never leaves the job hanging."""

import json
from contextlib import ExitStack

import pytest

from .support.answer import Answer, document, follow, http, raw, reply
from .support.job import Job
from .support.port import refusing_port
from .support.scenario import Scenario

SETTINGS = {"CAMERON_HTTP_CALL_TIMEOUT_S": "2.0", "CAMERON_HTTP_CONNECT_TIMEOUT_S": "2.0"}


def assert_failed(job: Job, task: str, *said: str) -> str:
    """The task's error stands in the hash, in the `:error` key and in GET, and the job has ended all the same; returns the text."""
    stored = job.hash()
    text = stored.get(f"task.{task}.output.data", "")
    assert stored["job.status.current"] == "done"
    assert stored[f"task.{task}.status.current"] == "error"
    assert stored[f"task.{task}.status.error.time"]
    assert f"task.{task}.status.done.time" not in stored
    assert text
    assert [word for word in said if word.lower() not in text.lower()] == [], text
    assert job.error(task) == text
    shown = job.tasks()[task]
    assert shown["status"] == {"current": "error", "time": stored[f"task.{task}.status.error.time"]}
    assert shown["data"] == text
    return text


def nested(depth: int) -> bytes:
    return b'{"data": ' + b"[" * depth + b"]" * depth + b"}"


OK = b"HTTP/1.1 200 OK\r\n"
LARGE = b'{"data": "' + b"x" * 1_200_000 + b'"}'
CHUNKS = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (LARGE[n : n + 60_000] for n in range(0, len(LARGE), 60_000)))

HOSTILE: dict[str, tuple[Answer, tuple[str, ...]]] = {
    "500 with a text": (http(500, b"the awesome error message"), ("500", "the awesome error message")),
    "500 with bytes that are no text": (http(500, b"oh \xff\xfe\x00\x01 no"), ("500", "oh ")),
    "500 with a large text": (http(500, b"large " * 100_000), ("500", "large")),
    "500 without a reason": (raw(b"HTTP/1.1 500\r\nContent-Length: 2\r\n\r\nno"), ("500", "no")),
    "404": (http(404, b""), ("404",)),
    "400 with JSON": (document({"data": "looks fine"}, status=400), ("400", "looks fine")),
    "a redirect is not followed": (http(302, b"", {"Location": "http://127.0.0.1:1/"}), ("302",)),
    "304": (raw(b"HTTP/1.1 304 Not Modified\r\n\r\n"), ("304",)),
    "204 without a body": (raw(b"HTTP/1.1 204 No Content\r\n\r\n"), ()),
    "an empty body": (http(200, b""), ()),
    "spaces": (http(200, b"  \n"), ()),
    "not JSON": (http(200, b"<html>hello</html>"), ()),
    "truncated JSON": (http(200, b'{"data": "x"'), ()),
    "two documents": (http(200, b'{"data": 1}{"data": 2}'), ()),
    "an array": (document([{"data": 1}]), ()),
    "a string": (document("undefined"), ()),
    "a number": (document(7), ()),
    "null": (document(None), ()),
    "not UTF-8": (http(200, b'{"data": "\xff\xfe"}'), ()),
    "UTF-16": (http(200, '{"data": 1}'.encode("utf-16")), ()),
    "NaN": (http(200, b'{"data": NaN}'), ()),
    "Infinity": (http(200, b'{"data": [-Infinity]}'), ()),
    "a number beyond all floats": (http(200, b'{"data": 1e999}'), ()),
    "a lone surrogate": (http(200, b'{"data": "\\ud800"}'), ()),
    "a lone surrogate as a name": (http(200, b'{"data": {"\\udfff": 1}}'), ()),
    "a lone surrogate in the name": (http(200, b'{"name": "\\ud800", "data": 1}'), ()),
    "nested 100,000 deep": (http(200, nested(100_000)), ()),
    "nested 500,000 deep": (http(200, nested(500_000)), ()),
    "a huge integer": (http(200, b'{"data": ' + b"9" * 5_000 + b"}"), ()),
    "a huger integer": (http(200, b'{"data": ' + b"9" * 500_000 + b"}"), ()),
    "closed before the reply": (raw(b""), ()),
    "closed in the status line": (raw(b"HTTP/1.1 20"), ()),
    "closed in the headers": (raw(OK + b"Content-Len"), ()),
    "closed in the body": (raw(OK + b'Content-Length: 100\r\n\r\n{"data":'), ()),
    "closed in a chunk": (raw(OK + b'Transfer-Encoding: chunked\r\n\r\n20\r\n{"data":'), ()),
    "no status line": (raw(b'{"data": 1}'), ()),
    "not HTTP": (raw(b"SSH-2.0-OpenSSH_9.2\r\n"), ()),
    "endless headers": (raw(OK + b"X-More: and more\r\n" * 60_000), ()),
    "over the size cap": (http(200, LARGE), ()),
    "over the size cap in chunks": (raw(OK + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKS + b"0\r\n\r\n"), ()),
    "over the size cap until it closes": (raw(OK + b"\r\n" + LARGE), ()),
    "a false length": (raw(OK + b"Content-Length: -7\r\n\r\n{}"), ()),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_reply_is_a_recorded_error(scenario: Scenario, kind: str) -> None:
    answer, said = HOSTILE[kind]
    scenario.on("start", answer)
    job = scenario.run()
    assert_failed(job, "start", *said)
    assert job.field("job.tasks") == "start"
    assert job.keys() == {job.hash_key, f"{job.hash_key}:start:error"}


def one(name: object, url: object = "http://127.0.0.1:1/") -> dict[str, object]:
    return {"parallelizable": "yes", "definitions": [{"name": name, "url": url}]}


MALFORMED: dict[str, object] = {
    "a string": "act_1",
    "an empty string": "",
    "a number": 7,
    "true": True,
    "a list": [{"name": "a", "url": "http://127.0.0.1:1/"}],
    "definitions missing": {"parallelizable": "yes"},
    "definitions null": {"parallelizable": "yes", "definitions": None},
    "definitions a string": {"parallelizable": "yes", "definitions": "a"},
    "definitions an object": {"parallelizable": "yes", "definitions": {"name": "a", "url": "http://127.0.0.1:1/"}},
    "a definition that is a string": {"parallelizable": "yes", "definitions": ["a"]},
    "a definition that is null": {"parallelizable": "yes", "definitions": [None]},
    "an empty definition": {"parallelizable": "yes", "definitions": [{}]},
    "a name missing": {"parallelizable": "yes", "definitions": [{"url": "http://127.0.0.1:1/"}]},
    "a url missing": {"parallelizable": "yes", "definitions": [{"name": "a"}]},
    "a good one and a bad one": {"parallelizable": "yes", "definitions": [{"name": "a", "url": "http://127.0.0.1:1/"}, {"name": "b"}]},
    "parallelizable maybe": {"parallelizable": "maybe", "definitions": [{"name": "a", "url": "http://127.0.0.1:1/"}]},
    "parallelizable a list": {"parallelizable": [], "definitions": [{"name": "a", "url": "http://127.0.0.1:1/"}]},
    "a name that is a number": one(7),
    "a name that is null": one(None),
    "a name that is empty": one(""),
    "a name with a comma": one("a,b"),
    "a name with #": one("a#2"),
    "a name with a newline": one("a\nb"),
    "a name with NUL": one("a\x00b"),
    "a name of 129 characters": one("n" * 129),
    "a url that is a number": one("a", 7),
    "a url that is null": one("a", None),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_next_activities_are_the_error_of_the_task_that_replied_them(scenario: Scenario, kind: str) -> None:
    scenario.on("start", document({"process": "scripted", "name": "x", "data": 1, "next_activities": MALFORMED[kind]}))
    job = scenario.run()
    assert_failed(job, "start")
    assert job.field("job.tasks") == "start"
    assert len(scenario.calls()) == 1


UNCALLABLE = ["", "nonsense", "ftp://127.0.0.1/x", "file:///etc/passwd", "http://", "http://[::1", "http://127.0.0.1:99999/", "http://a b/"]


@pytest.mark.parametrize("url", UNCALLABLE)
def test_a_url_that_cannot_be_called_is_a_recorded_error(scenario: Scenario, url: str) -> None:
    scenario.on("start", document({"data": 1, "next_activities": one("a", url)}))
    job = scenario.run()
    failed = [task for task in str(job.field("job.tasks")).split(",") if job.field(f"task.{task}.status.current") == "error"]
    assert len(failed) == 1
    assert_failed(job, failed[0])


@pytest.mark.parametrize("reply_name", [7, ["x"], {"a": 1}, True, "", "x" * 100_000])
def test_an_odd_name_in_a_reply_leaves_no_job_hanging(scenario: Scenario, reply_name: object) -> None:
    scenario.on("start", document({"name": reply_name, "data": 1, "next_activities": one("a", scenario.url("a"))}))
    scenario.on("a", reply(2))
    job = scenario.run()
    assert job.status == "done"
    if job.field("task.start.status.current") == "error":
        assert_failed(job, "start")
    else:
        assert isinstance(scenario.calls("a")[0].json["requestor"], str)


def test_a_refused_connection_is_a_recorded_error_that_names_the_place(scenario: Scenario) -> None:
    with refusing_port() as port:
        scenario.on("start", reply(1, next_activities=one("a", f"http://127.0.0.1:{port}/a")))
        job = scenario.run(timeout_s=60)
    assert_failed(job, "a", f"127.0.0.1:{port}")
    assert job.field("task.start.status.current") == "done"


def test_an_unknown_host_is_a_recorded_error_that_names_it(scenario: Scenario) -> None:
    scenario.on("start", reply(1, next_activities=one("a", "http://no-such-host.invalid/a")))
    job = scenario.run(timeout_s=120)
    assert_failed(job, "a", "no-such-host.invalid")


def test_an_activity_that_does_not_answer_in_time_is_a_recorded_error(scenario: Scenario) -> None:
    gate = scenario.gate()
    scenario.on("start", reply(1).held(gate))
    job = scenario.run()
    gate.open()
    assert_failed(job, "start", "2")
    assert len(scenario.calls()) == 1


def test_the_error_of_one_task_stops_neither_its_siblings_nor_what_follows_them(scenario: Scenario) -> None:
    with ExitStack() as stack:
        port = stack.enter_context(refusing_port())
        urls = {"good": scenario.url("good"), "bad": scenario.url("bad"), "gone": f"http://127.0.0.1:{port}/"}
        scenario.on("start", reply(1, next_activities=follow(list(urls.items()))))
        scenario.on("good", reply(2, next_activities=follow([("after", scenario.url("after"))])))
        scenario.on("bad", http(500, b"broken"))
        scenario.on("after", reply(3))
        job = scenario.run(timeout_s=60)
    states = {name: task["status"]["current"] for name, task in job.tasks().items()}
    assert states == {"start": "done", "good": "done", "bad": "error", "gone": "error", "after": "done"}
    errors = {f"{job.hash_key}:{task}:error" for task in ("bad", "gone")}
    assert job.keys() == {job.hash_key, *errors}


def test_the_start_activity_may_fail_too(scenario: Scenario) -> None:
    scenario.on("start", http(500, json.dumps({"why": "no"}).encode()))
    assert_failed(scenario.run(), "start", "500", "why")
