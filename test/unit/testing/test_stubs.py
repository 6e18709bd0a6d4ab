"""What stubs may answer, to whom, and what comes of it."""

import socket
import ssl
import sys
from collections.abc import Callable
from typing import Any

import pytest

from cameron.testing import (
    CalledBack,
    Exited,
    FailedWith,
    Lasts,
    MissingStub,
    NoCallback,
    PermanentFailure,
    Real,
    Replied,
    Returned,
    SimulatedCall,
    SimulatedTask,
    Simulator,
    TemporaryFailure,
    WrongStub,
)

from .growing import growing, pack, wait

PYTHON = {"name": "charge", "kind": "python", "activity": "charge_card"}


def task(simulator: Simulator, definition: Any, stub: Any, **options: Any) -> SimulatedTask:
    """The task of that activity, with that stub; a name stands for a service."""
    name = definition if isinstance(definition, str) else definition["name"]
    return simulator.run("foo", stubs={"start": growing(definition), name: stub}, **options).tasks[name]


# who is meant


def test_a_stub_is_found_by_the_closest_name_there_is(simulator: Simulator) -> None:
    stubs = {"start": growing(*["a"] * 3, "b", "c", "d"), "a#2": {"data": 2}, "a": {"data": 1}}
    stubs |= {
        "http://foo.test/b": {"data": "url"},
        "http://foo.test/c*": {"data": "pattern"},
        "http://foo.test/*": {"data": "all"},
        "*": {"data": "any"},
    }
    job = simulator.run("foo", stubs=stubs)
    assert [task.data for task in job.tasks.values()][1:] == [1, 2, 1, "url", "pattern", "all"]
    assert job.unused_stubs == ("*",)


def test_a_pattern_is_no_regular_expression(simulator: Simulator) -> None:
    with pytest.raises(Exception, match="nothing stands in"):
        simulator.run("foo", stubs={"http://foo?test/*": {}})


def test_programs_and_activities_are_found_by_what_is_run(simulator: Simulator) -> None:
    stubs = {"start": growing(pack(), PYTHON), "/bin/pack": "packed", "charge_card": 5}
    job = simulator.run("foo", stubs=stubs)
    assert (job.tasks["pack"].data["stdout"], job.tasks["charge"].data) == ("packed", 5)
    assert [(call.kind, call.target, call.command) for call in job.calls[1:]] == [
        ("command", "/bin/pack", ("/bin/pack", "-v")),
        ("python", "charge_card", ()),
    ]
    assert [repr(call) for call in job.calls[1:]] == ["<call of pack at 0 s: /bin/pack -v>", "<call of charge at 0 s: charge_card>"]


# services


@pytest.mark.parametrize(
    ("stub", "error"),
    [
        (Replied(500, "no luck"), "http://foo.test/a replied 500: no luck"),
        (Replied(418, {"a": 1}), 'http://foo.test/a replied 418: {"a":1}'),
        (Replied(200, b"\xff"), "the reply of http://foo.test/a cannot be used: not UTF-8 at byte 0"),
        (Replied(), "the reply of http://foo.test/a cannot be used: it is empty; a JSON object is expected"),
        (5, "the reply of http://foo.test/a cannot be used: it is no JSON object"),
        (Returned([]), "the reply of http://foo.test/a cannot be used: it is no JSON object"),
        (ConnectionRefusedError, "connection refused by http://foo.test/a (3 attempts)"),
        (socket.gaierror(), "unknown host (http://foo.test/a) (3 attempts)"),
        (ssl.SSLError("no certificate"), "('no certificate',)"),
        (ConnectionResetError("it hung up"), "it hung up"),
        (TimeoutError, "timeout: nothing whole came of http://foo.test/a within 300 s"),
        (FailedWith("too_large"), "what came of http://foo.test/a is too large: at most 1048576 bytes are taken"),
        ({"data": "x" * (1 << 20)}, "what came of http://foo.test/a is too large: at most 1048576 bytes are taken"),
        (FailedWith("tls", "no certificate"), "no certificate"),
    ],
)
def test_a_service_can_go_wrong_in_each_way(simulator: Simulator, stub: Any, error: str) -> None:
    failed = task(simulator, "a", stub)
    assert (failed.status, failed.error) == ("error", error)


def test_a_reply_of_any_2xx_is_a_success(simulator: Simulator) -> None:
    assert task(simulator, "a", Replied(201, {"data": 5})).data == 5
    assert task(simulator, "a", Replied(200, '{"data": 5}')).data == 5


def test_a_url_that_the_engine_would_not_call_needs_no_stub(simulator: Simulator) -> None:
    job = simulator.run("foo", stubs={"start": growing({"name": "a", "url": "ftp://x.test/"})})
    assert "only http and https URLs are" in job.tasks["a"].error


# programs


@pytest.mark.parametrize(
    ("stub", "data"),
    [
        ("text", {"exit_code": 0, "stdout": "text", "stderr": "", "truncated": False}),
        ({"a": 1}, {"exit_code": 0, "stdout": '{"a":1}', "stderr": "", "truncated": False}),
        (None, {"exit_code": 0, "stdout": "", "stderr": "", "truncated": False}),
        (Exited(0, b"\xff", "warned"), {"exit_code": 0, "stdout": "\ufffd", "stderr": "warned", "truncated": False}),
    ],
)
def test_what_a_program_prints(simulator: Simulator, stub: Any, data: Any) -> None:
    assert task(simulator, pack(), stub).data == data


@pytest.mark.parametrize(
    ("stub", "error"),
    [
        (Exited(3, "", "no paper"), "/bin/pack ended with status 3: no paper"),
        (Exited(-9), "/bin/pack was ended by signal 9 (SIGKILL)"),
        (FileNotFoundError("no such program"), "no such program"),
        (Lasts(301, ""), "timeout: nothing whole came of /bin/pack within 300 s"),
    ],
)
def test_a_program_can_go_wrong_in_each_way(simulator: Simulator, stub: Any, error: str) -> None:
    assert task(simulator, pack(), stub).error == error


# Python activities


@pytest.mark.parametrize(
    ("stub", "error"),
    [
        (PermanentFailure("never"), "charge_card: never"),
        ([TemporaryFailure("busy")] * 3, "charge_card: busy (3 attempts)"),
        (ValueError("bad"), "charge_card: ValueError: bad"),
        (SystemExit(3), "charge_card: SystemExit: 3"),
        (lambda: sys.exit(3), "charge_card: SystemExit: 3"),
        ("Permanent Failure", "charge_card: returned 'Permanent Failure'"),
        (FailedWith("crashed"), "crashed (charge_card)"),
        (Lasts(301, 1), "timeout: nothing whole came of charge_card within 300 s"),
    ],
)
def test_a_python_activity_can_go_wrong_in_each_way(simulator: Simulator, stub: Any, error: str) -> None:
    failed = task(simulator, PYTHON, stub)
    assert (failed.status, failed.error) == ("error", error)


def test_an_activity_may_be_busy_for_some_attempts(simulator: Simulator) -> None:
    assert task(simulator, PYTHON, ["Temporary Failure", TemporaryFailure, Returned("Temporary Failure")])[3:5] == (3, "Temporary Failure")


def test_an_activity_that_no_package_has_is_told_with_the_setting(simulator: Simulator) -> None:
    with pytest.raises(MissingStub, match=r"(?s)runs the Python activity 'charge_card', .*no package of activities is named \(cameron_act"):
        simulator.run("foo", stubs={"start": growing(PYTHON)})
    with pytest.raises(WrongStub, match="no package of activities is named"):
        task(simulator, PYTHON, Real())


# callbacks


def test_a_wait_is_ended_by_what_is_called_back(simulator: Simulator) -> None:
    job = simulator.run("foo", stubs={"start": growing(wait()), "approve": CalledBack({"data": "yes"}, after_s=60)})
    assert (job.tasks["approve"].data, job.seconds, len(job.calls)) == ("yes", 60.0, 1)
    assert job.words("approve") == ["task.called", "task.waits", "task.done"]
    assert task(simulator, wait(), {"data": 1}).data == 1
    assert task(simulator, wait(), Lasts(60, {"data": 1})).data == 1


def test_a_callback_that_comes_too_late_or_never_is_a_timeout(simulator: Simulator) -> None:
    for late in (NoCallback(), CalledBack({}, after_s=11)):
        job = simulator.run("foo", stubs={"start": growing(wait(10)), "approve": late})
        assert (job.tasks["approve"].error, job.seconds) == ("timeout: no callback came within 10 s", 10.0)


def test_a_service_that_is_told_the_callback_url_may_refuse_it(simulator: Simulator) -> None:
    told = wait(url="http://foo.test/told")
    assert task(simulator, told, CalledBack({"data": 1}, after_s=5)).data == 1
    assert task(simulator, told, Replied(500, "no")).error == "http://foo.test/told replied 500: no"
    assert task(simulator, told, CalledBack({}, replied=Replied(500, "no"))).status == "done", "the callback is there, so it counts"
    assert task(simulator, told, Lasts(301, NoCallback())).error == "timeout: nothing whole came of http://foo.test/told within 300 s"


# functions


def test_a_function_is_given_as_much_as_it_takes(simulator: Simulator) -> None:
    def both(data: Any, call: SimulatedCall) -> Any:
        call.session_set("seen", call.task)
        return {"data": [data["key"], call.attempt, call.session_get("seen")]}

    assert task(simulator, "a", both).data == ["test", 1, "a"]
    assert task(simulator, "a", lambda data: {"data": data["requestor"]}).data == "start"
    assert task(simulator, "a", lambda: {"data": 1}).data == 1
    assert task(simulator, "a", [lambda: Replied(503), lambda: Lasts(5, {"data": 2})]).data == 2


def test_what_a_function_raises_is_what_goes_wrong_but_for_what_it_asserts(simulator: Simulator) -> None:
    def refuse(_: Any) -> None:
        raise ConnectionRefusedError("nobody")

    def check(data: Any) -> None:
        assert data["data"] == 5, "it is five"

    assert task(simulator, "a", refuse).error == "nobody (3 attempts)"
    with pytest.raises(AssertionError, match="it is five"):
        task(simulator, "a", check)


# what cannot be


@pytest.mark.parametrize(
    ("definition", "stub", "told"),
    [
        ("a", Exited(1), "the task is of kind http"),
        ("a", Real(), "that is for Python activities: it is a http task"),
        ("a", CalledBack({}), "the task is offered no callback"),
        ("a", FailedWith("tiemout"), r"there is no such kind of failure \(did you mean timeout\?\)"),
        ("a", FailedWith("http_503"), r"say Replied\(503\), say, or Exited\(1\)"),
        ("a", KeyError("x"), "raises KeyError: 'x'; a stub of this kind"),
        ("a", {"data": {1, 2}}, "which is no JSON"),
        ("a", [], "has 0 answers, one for each attempt, and this is attempt 1 of 'a'"),
        ("a", Lasts(-1, {}), "give a number of seconds"),
        ("a", lambda one, two, three: {}, "is a function with other parameters"),
        (pack(), Replied(200), "the task is of kind command"),
        (wait(), CalledBack(b"{"), "a callback brings JSON"),
        (wait(), Replied(200), "it waits for a callback, and nobody is called"),
        (wait(), FailedWith("refused"), "it waits for a callback, and nobody is called"),
    ],
)
def test_what_cannot_come_of_a_task_is_told(simulator: Simulator, definition: Any, stub: Any, told: str) -> None:
    with pytest.raises(WrongStub, match=told):
        task(simulator, definition, stub)


def test_functions_that_return_functions_for_ever_are_told(simulator: Simulator) -> None:
    def endless() -> Callable[[], Any]:
        return endless

    with pytest.raises(WrongStub, match="goes on returning functions"):
        task(simulator, "a", endless)
