"""The kinds of activities: what definitions may say, what an attempt is, and what came of a program."""

from typing import Any, NamedTuple

import pytest

from cameron.core.event import Awaited, CommandLine, Failure, HttpRequest, Invocation, Success
from cameron.core.job import Task, new_job
from cameron.core.process import Activity, Calling, CommandCall, DelayCall, HttpCall, Process, PythonCall, WaitCall
from cameron.core.strict_json import NotJson, parse
from cameron.definitions.kinds import attempt_of, awaited, command_line, command_outcome, invocation, posted_data, python_outcome, read_call
from cameron.definitions.mask import Mask
from cameron.definitions.settings import Settings

TEN_YEARS_S = 315_360_000
SETTINGS = Settings(allowed_binaries=frozenset({"/bin/echo", "tar"}), command_timeout_s=7.0)


class Reply(NamedTuple):
    """What came of one attempt."""

    status: int = 200
    body: bytes = b""
    retry_after: str = ""
    failure: str | None = None
    error: str = ""
    stderr: bytes = b""
    is_callback: bool = False
    is_cut: bool = False


def task(call: Calling) -> Task:
    """A task of a job whose one activity calls this."""
    process = Process("foo", "cameron", (Activity("step", call),), "{}", "digest")
    return new_job(process, "key", "u", b"", 0).tasks["step"]


@pytest.mark.parametrize(
    ("said", "call"),
    [
        ({"url": "http://a/"}, HttpCall("http://a/")),
        ({"kind": "http", "name": "x", "url": "http://a/", "after": []}, HttpCall("http://a/")),
        ({"url": "http://a/", "command": None, "delay_s": None}, HttpCall("http://a/")),
        ({"kind": "command", "command": ["/bin/echo", "a b", "ä"]}, CommandCall(("/bin/echo", "a b", "ä"))),
        ({"kind": "command", "command": ["/bin/echo"], "timeout_s": 2}, CommandCall(("/bin/echo",), 2.0)),
        ({"kind": "python", "activity": "charge"}, PythonCall("charge")),
        ({"kind": "python", "activity": "Zählen", "timeout_s": 2, "isolation": "process"}, PythonCall("Zählen", 2.0, "process")),
        ({"kind": "python", "activity": "n" * 128, "isolation": "thread"}, PythonCall("n" * 128, 0.0, "thread")),
        ({"kind": "wait", "timeout_s": 60}, WaitCall(60.0)),
        ({"kind": "wait", "timeout_s": TEN_YEARS_S, "url": "http://a/"}, WaitCall(float(TEN_YEARS_S), "http://a/")),
        ({"kind": "delay", "delay_s": 0.5}, DelayCall(0.5)),
    ],
)
def test_each_kind_is_read(said: dict[str, Any], call: Calling) -> None:
    assert read_call(said) == call


COMMAND = "the command of 'x' is no list of a program and its arguments, strings that are not empty and have no NUL"
ACTIVITY = "the activity of 'x' is no name of a class or function: 1 to 128 characters, none of control"
ISOLATION = "the isolation of 'x' is neither thread nor process"
KIND = "the kind of 'x' is none of http, command, python, wait, delay"
TIMEOUT = "the timeout_s of 'x' is no number of seconds above 0 and up to 315360000 (10 years)"
DELAY = TIMEOUT.replace("timeout_s", "delay_s")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"kind": "smoke"}, KIND),
        ({"kind": None}, KIND),
        ({"kind": ["http"]}, KIND),
        ({}, "the url of 'x' is missing"),
        ({"url": 1}, "the url of 'x' is no string"),
        ({"url": ""}, "the url of 'x' is empty"),
        ({"kind": "command"}, "the command of 'x' is missing"),
        ({"kind": "command", "command": []}, COMMAND),
        ({"kind": "command", "command": "ls -l"}, COMMAND),
        ({"kind": "command", "command": ["ls", 1]}, COMMAND),
        ({"kind": "command", "command": ["ls", ""]}, COMMAND),
        ({"kind": "command", "command": ["ls", "a\0b"]}, COMMAND),
        ({"kind": "command", "command": ["ls", "\ud800"]}, "a lone surrogate, which is no character"),
        ({"kind": "python"}, "the activity of 'x' is missing"),
        ({"kind": "python", "activity": ""}, ACTIVITY),
        ({"kind": "python", "activity": 5}, ACTIVITY),
        ({"kind": "python", "activity": "n" * 129}, ACTIVITY),
        ({"kind": "python", "activity": "a\nb"}, ACTIVITY),
        ({"kind": "python", "activity": "\ud800"}, "a lone surrogate, which is no character"),
        ({"kind": "python", "activity": "a", "isolation": "fork"}, ISOLATION),
        ({"kind": "python", "activity": "a", "isolation": ""}, ISOLATION),
        ({"kind": "python", "activity": "a", "isolation": ["thread"]}, ISOLATION),
        ({"kind": "python", "activity": "a", "isolation": None}, ISOLATION),
        ({"kind": "python", "activity": "a", "timeout_s": 0}, TIMEOUT),
        (
            {"kind": "python", "activity": "a", "url": "http://a/"},
            "the url of 'x' is of another kind than python, which has activity and timeout_s and isolation",
        ),
        ({"kind": "http", "url": "http://a/", "activity": "a"}, "the activity of 'x' is of another kind than http, which has url"),
        ({"url": "http://a/", "activity": "a"}, 'the activity of \'x\' belongs to the kind python: add "kind": "python"'),
        ({"kind": "wait"}, "the timeout_s of 'x' is missing"),
        ({"kind": "wait", "timeout_s": "60"}, TIMEOUT),
        ({"kind": "wait", "timeout_s": True}, TIMEOUT),
        ({"kind": "wait", "timeout_s": 0}, TIMEOUT),
        ({"kind": "wait", "timeout_s": -1.5}, TIMEOUT),
        ({"kind": "wait", "timeout_s": TEN_YEARS_S + 1}, TIMEOUT),
        ({"kind": "wait", "timeout_s": float("nan")}, TIMEOUT),
        ({"kind": "wait", "timeout_s": 10**400}, TIMEOUT),
        ({"kind": "wait", "timeout_s": 1, "url": 5}, "the url of 'x' is no string"),
        ({"kind": "wait", "timeout_s": 1, "url": ""}, "the url of 'x' is empty"),
        ({"kind": "delay"}, "the delay_s of 'x' is missing"),
        ({"kind": "delay", "delay_s": 0}, DELAY),
        ({"kind": "delay", "delay_s": 1, "url": "http://a/"}, "the url of 'x' is of another kind than delay, which has delay_s"),
        ({"url": "http://a/", "timeout_s": 1}, "the timeout_s of 'x' is of another kind than http, which has url"),
        (
            {"kind": "wait", "timeout_s": 1, "command": ["ls"]},
            "the command of 'x' is of another kind than wait, which has timeout_s and url",
        ),
    ],
)
def test_what_no_kind_may_say_is_told(said: dict[str, Any], told: str) -> None:
    with pytest.raises(NotJson) as raised:
        read_call({"name": "x", **said})
    assert str(raised.value) == told


def test_where_the_kind_is_another_by_default_the_one_that_is_meant_is_told() -> None:
    with pytest.raises(NotJson) as raised:
        read_call({"name": "x", "url": "http://a/"}, default="python")
    assert str(raised.value) == 'the url of \'x\' belongs to the kind http or wait: add "kind": "http"'
    assert read_call({"activity": "a"}, default="python") == PythonCall("a")


def test_without_a_name_the_text_names_nobody() -> None:
    with pytest.raises(NotJson, match=r"^the url is missing$"):
        read_call({})


@pytest.mark.parametrize(
    ("call", "attempt"),
    [
        (HttpCall("http://a/", "PUT"), HttpRequest("http://a/", b"{}", method="PUT")),
        (WaitCall(60.0, "http://a/"), HttpRequest("http://a/", b"{}")),
        (WaitCall(60.0), Awaited(60.0, callback=True)),
        (DelayCall(5.0), Awaited(5.0, callback=False)),
        (CommandCall(("/bin/echo", "hi")), CommandLine(("/bin/echo", "hi"), b"{}", 7.0)),
        (CommandCall(("tar",)), CommandLine(("tar",), b"{}", 7.0)),
        (PythonCall("charge", 2.0, "process"), Invocation("charge", b"{}", b"{}", 2.0, "process")),
        (PythonCall("charge"), Invocation("charge", b"{}")),
    ],
)
def test_each_kind_has_its_attempt(call: Calling, attempt: object) -> None:
    assert attempt_of(Activity("step", call), b"{}", SETTINGS) == attempt


@pytest.mark.parametrize("program", ["echo", "/bin/tar", "/bin/echo ", "/bin/../bin/echo"])
def test_a_program_that_is_not_allowed_as_it_is_written_is_not_run(program: str) -> None:
    refused = attempt_of(Activity("step", CommandCall((program, "hi"))), b"", SETTINGS)
    assert isinstance(refused, Failure)
    assert refused.kind == "not_allowed"
    assert refused.text.startswith(repr(program))
    assert "add it to allowed_binaries under [commands]" in refused.text


def test_no_program_is_allowed_unless_it_is_configured() -> None:
    assert isinstance(attempt_of(Activity("step", CommandCall(("/bin/echo",))), b"", Settings()), Failure)


def test_a_definition_may_give_a_program_its_own_time_and_a_note() -> None:
    assert command_line(("tar",), b"", SETTINGS, 0.5, "for show") == CommandLine(("tar",), b"", 0.5, "for show")


@pytest.mark.parametrize("status", [200, 202, 204])
def test_any_2xx_of_a_wait_is_the_promise_of_a_callback(status: int) -> None:
    assert awaited(Activity("step", WaitCall(60.0, "http://a/")), Reply(status)) == Awaited(60.0, callback=True)


def test_a_202_promises_a_callback_where_one_is_offered() -> None:
    assert awaited(Activity("step", HttpCall("http://a/"), callback_s=30.0), Reply(202)) == Awaited(30.0, callback=True)


@pytest.mark.parametrize(
    ("activity", "reply"),
    [
        (Activity("step", WaitCall(60.0, "http://a/")), Reply(200, is_callback=True)),
        (Activity("step", WaitCall(60.0, "http://a/")), Reply(500)),
        (Activity("step", WaitCall(60.0, "http://a/")), Reply(0, failure="refused")),
        (Activity("step", HttpCall("http://a/"), callback_s=30.0), Reply(202, is_callback=True)),
        (Activity("step", HttpCall("http://a/"), callback_s=30.0), Reply(200)),
        (Activity("step", HttpCall("http://a/")), Reply(202)),
        (Activity("step", CommandCall(("tar",))), Reply(202)),
    ],
)
def test_other_replies_promise_nothing(activity: Activity, reply: Reply) -> None:
    assert awaited(activity, reply) is None


TAR = task(CommandCall(("tar", "-t")))


def test_what_a_program_has_written_is_its_output() -> None:
    outcome = command_outcome(TAR, Reply(0, "grün\n".encode(), stderr=b"warn\xff", is_cut=True))
    assert isinstance(outcome, Success)
    assert parse(outcome.data.encode()) == {"exit_code": 0, "stdout": "grün\n", "stderr": "warn\ufffd", "truncated": True}
    assert ": " not in outcome.data


@pytest.mark.parametrize(
    ("reply", "kind", "text"),
    [
        (Reply(3, b"out", stderr=b"no such file\n"), "exit_3", "tar ended with status 3: no such file"),
        (Reply(1, b"only this\n"), "exit_1", "tar ended with status 1: only this"),
        (Reply(2), "exit_2", "tar ended with status 2"),
        (Reply(-9, stderr=b"x"), "signal_9", "tar was ended by signal 9 (SIGKILL): x"),
        (Reply(-40), "signal_40", "tar was ended by signal 40"),
        (Reply(1, stderr=b"a" * 9000 + b"the end"), "exit_1", f"tar ended with status 1: …{'a' * 493}the end"),
        (Reply(-15, failure="timeout", error="it took too long"), "timeout", "it took too long"),
        (Reply(0, failure="cannot_run", error="there is no tar"), "cannot_run", "there is no tar"),
    ],
)
def test_a_program_that_does_not_end_well_is_a_failure_with_what_it_said_last(reply: Reply, kind: str, text: str) -> None:
    assert command_outcome(TAR, reply) == Failure(kind, text)


# Python activities


CHARGE = task(PythonCall("charge"))


def test_a_definition_may_give_a_python_activity_a_config_and_a_note() -> None:
    said = invocation(PythonCall("charge", 3.0), b"[1]", b'{"a":1}', "for show")
    assert said == Invocation("charge", b"[1]", b'{"a":1}', 3.0, "", "for show")


@pytest.mark.parametrize(
    ("payload", "data"),
    [(b'{"key":"k","data":{"a": 1.50},"requestor":""}', b'{"a":1.5}'), (b'{"key":"k","data":null}', b"null"), (b"{}", b"null")],
)
def test_a_python_activity_works_on_the_data_that_a_service_would_be_sent(payload: bytes, data: bytes) -> None:
    assert posted_data(payload) == data


@pytest.mark.parametrize(("body", "data"), [(b"null", "null"), (b'{"a": [1, "\xc3\xa4"]}', '{"a":[1,"ä"]}'), (b'"text"', '"text"')])
def test_what_a_python_activity_returned_is_its_output(body: bytes, data: str) -> None:
    assert python_outcome(CHARGE, Reply(0, body)) == Success(data)


@pytest.mark.parametrize("failure", ["temporary_failure", "permanent_failure", "exception", "crashed", "timeout", "unknown_activity"])
def test_a_python_activity_that_fails_does_so_in_its_own_words(failure: str) -> None:
    assert python_outcome(CHARGE, Reply(0, failure=failure, error="why")) == Failure(failure, "why")


@pytest.mark.parametrize("body", [b"", b"nothing", b"NaN", b"\xff", b"[" * 100_000, b'"\\ud800"', b"1e999"])
def test_what_is_no_json_is_no_output(body: bytes) -> None:
    outcome = python_outcome(CHARGE, Reply(0, body))
    assert isinstance(outcome, Failure)
    assert (outcome.kind, outcome.text.partition(":")[0]) == ("invalid_data", "what charge returned cannot be used")


def test_an_error_of_a_python_activity_is_told_without_what_is_hidden() -> None:
    hidden = Mask({"TOKEN": "s3cret-token"})
    assert python_outcome(CHARGE, Reply(0, failure="exception", error="no s3cret-token"), hidden) == Failure("exception", "no ***")
