"""The kinds of activities: what definitions may say, what an attempt is, and what came of a program."""

from typing import Any, NamedTuple

import pytest

from cameron.core.event import Awaited, CommandLine, Failure, HttpRequest, Success
from cameron.core.job import Task, new_job
from cameron.core.process import Activity, Calling, CommandCall, DelayCall, HttpCall, Process, WaitCall
from cameron.core.strict_json import NotJson, parse
from cameron.definitions.kinds import attempt_of, awaited, command_line, command_outcome, read_call
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
        ({"kind": "wait", "timeout_s": 60}, WaitCall(60.0)),
        ({"kind": "wait", "timeout_s": TEN_YEARS_S, "url": "http://a/"}, WaitCall(float(TEN_YEARS_S), "http://a/")),
        ({"kind": "delay", "delay_s": 0.5}, DelayCall(0.5)),
    ],
)
def test_each_kind_is_read(said: dict[str, Any], call: Calling) -> None:
    assert read_call(said) == call


COMMAND = "the command of 'x' is no list of a program and its arguments, strings that are not empty and have no NUL"
TIMEOUT = "the timeout_s of 'x' is no number of seconds above 0 and up to 315360000 (10 years)"
DELAY = TIMEOUT.replace("timeout_s", "delay_s")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"kind": "smoke"}, "the kind of 'x' is none of http, command, wait, delay"),
        ({"kind": None}, "the kind of 'x' is none of http, command, wait, delay"),
        ({"kind": ["http"]}, "the kind of 'x' is none of http, command, wait, delay"),
        ({}, "the url of 'x' is no string"),
        ({"url": 1}, "the url of 'x' is no string"),
        ({"url": ""}, "the url of 'x' is empty"),
        ({"kind": "command"}, COMMAND),
        ({"kind": "command", "command": []}, COMMAND),
        ({"kind": "command", "command": "ls -l"}, COMMAND),
        ({"kind": "command", "command": ["ls", 1]}, COMMAND),
        ({"kind": "command", "command": ["ls", ""]}, COMMAND),
        ({"kind": "command", "command": ["ls", "a\0b"]}, COMMAND),
        ({"kind": "command", "command": ["ls", "\ud800"]}, "a lone surrogate, which is no character"),
        ({"kind": "wait"}, TIMEOUT),
        ({"kind": "wait", "timeout_s": "60"}, TIMEOUT),
        ({"kind": "wait", "timeout_s": True}, TIMEOUT),
        ({"kind": "wait", "timeout_s": 0}, TIMEOUT),
        ({"kind": "wait", "timeout_s": -1.5}, TIMEOUT),
        ({"kind": "wait", "timeout_s": TEN_YEARS_S + 1}, TIMEOUT),
        ({"kind": "wait", "timeout_s": float("nan")}, TIMEOUT),
        ({"kind": "wait", "timeout_s": 10**400}, TIMEOUT),
        ({"kind": "wait", "timeout_s": 1, "url": 5}, "the url of 'x' is no string"),
        ({"kind": "wait", "timeout_s": 1, "url": ""}, "the url of 'x' is empty"),
        ({"kind": "delay"}, DELAY),
        ({"kind": "delay", "delay_s": 0}, DELAY),
        ({"kind": "delay", "delay_s": 1, "url": "http://a/"}, "url of 'x' is of another kind than delay, which has delay_s"),
        ({"url": "http://a/", "timeout_s": 1}, "timeout_s of 'x' is of another kind than http, which has url"),
        ({"kind": "wait", "timeout_s": 1, "command": ["ls"]}, "command of 'x' is of another kind than wait, which has timeout_s and url"),
    ],
)
def test_what_no_kind_may_say_is_told(said: dict[str, Any], told: str) -> None:
    with pytest.raises(NotJson) as raised:
        read_call({"name": "x", **said})
    assert str(raised.value) == told


def test_without_a_name_the_text_names_nobody() -> None:
    with pytest.raises(NotJson, match=r"^the url is no string$"):
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
