"""Python activities of the project: run, also one by one, and what their stubs are held to."""

import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from cameron import Context
from cameron.activities.call import Failure
from cameron.activities.python_activity import PythonTask
from cameron.activities.session import MemorySession
from cameron.testing import (
    ActivityFailed,
    FailedWith,
    Lasts,
    MissingStub,
    PermanentFailure,
    Real,
    Returned,
    SimulatedTask,
    SimulationError,
    Simulator,
    TemporaryFailure,
    UnknownActivity,
    WrongStub,
)
from cameron.testing.python_code import PythonCode, perform_within

from .conftest import Shop
from .growing import growing

PAY = """
from dataclasses import dataclass
from threading import Event
from cameron import Context, PermanentFailure, TemporaryFailure, activity
from cameron.activities.base_activity import BaseActivity

released = Event()

@dataclass
class Order:
    amount: int

@activity
def charge(order: Order, context: Context) -> dict[str, str]:
    if order.amount < 0:
        raise (PermanentFailure if context.attempt > 1 else TemporaryFailure)("not so")
    context.session_set("seen", context.session_get("before") or "nothing")
    return {"paid": f"{order.amount} {context.config.get('currency', 'EUR')}"}

@activity(timeout_s=0.2)
def hang(data, context):
    released.wait(60)
    context.session_set("late", "yes")

class Reserve(BaseActivity):
    def do_activity(self):
        return self.config.get("word", self.SUCCEEDED)

@activity
def word(data) -> str:
    return "Temporary Failure"
"""


@pytest.fixture
def pay(shop: Shop) -> Iterator[Simulator]:
    """Of these activities; one that hangs is released after the test."""
    yield shop({"pay.py": PAY})
    for name, module in list(sys.modules.items()):
        if name.startswith("acts") and name.endswith(".pay"):
            module.released.set()


def task(simulator: Simulator, activity: str, data: Any, **stubs: Any) -> SimulatedTask:
    """The task `do`, of that activity, after a start that replies with these data."""
    do = {"name": "do", "kind": "python", "activity": activity}
    stubs = {"start": growing(do, data=data), **stubs}
    return simulator.run("foo", stubs=stubs).tasks["do"]


# one alone


def test_an_activity_is_run_alone_with_its_config_its_session_and_its_attempt(pay: Simulator) -> None:
    session = {"before": "something"}
    assert pay.perform("charge", {"amount": 5}, config={"currency": "SEK"}, session=session) == {"paid": "5 SEK"}
    assert session == {"before": "something", "seen": "something"}
    assert pay.perform("Reserve") == "Succeeded"


def test_a_failure_of_an_activity_that_is_run_alone_is_raised(pay: Simulator) -> None:
    with pytest.raises(TemporaryFailure, match=r"^charge: not so \(.*/pay\.py:\d+\)$"):
        pay.perform("charge", {"amount": -1})
    with pytest.raises(PermanentFailure, match="not so"):
        pay.perform("charge", {"amount": -1}, attempt=2)
    with pytest.raises(TemporaryFailure, match="returned 'Temporary Failure'"):
        pay.perform("Reserve", config={"word": "Temporary Failure"})
    with pytest.raises(ActivityFailed, match=r"cannot take the data it was given: .*`amount`") as caught:
        pay.perform("charge", {})
    assert caught.value.kind == "invalid_data"


def test_what_is_no_json_is_not_given_to_an_activity(pay: Simulator) -> None:
    with pytest.raises(SimulationError, match="cannot be given"):
        pay.perform("charge", object())


def test_an_unknown_activity_is_told_with_what_may_be_meant(pay: Simulator, simulator: Simulator) -> None:
    with pytest.raises(UnknownActivity, match=r"^there is no Python activity 'chrge' in 'acts.*; did you mean 'charge'\?$"):
        pay.perform("chrge")
    with pytest.raises(UnknownActivity, match="no package of activities is named"):
        simulator.perform("charge")


def test_a_context_that_a_test_makes_shares_nothing_with_another() -> None:
    one, other = Context(), Context(task="charge", attempt=2)
    one.session_set("seen", "yes")
    one.config["currency"] = "SEK"
    assert (one.session_get("seen"), other.session_get("seen"), other.config, other.attempt) == ("yes", None, {}, 2)


# what hangs


def test_an_activity_that_hangs_is_a_timeout_and_the_job_goes_on(pay: Simulator) -> None:
    job = pay.run("foo", stubs={"start": growing({"name": "do", "kind": "python", "activity": "hang"})})
    assert (job.tasks["do"].status, job.seconds) == ("error", 0.2)
    assert job.tasks["do"].error.startswith("timeout: hang has not come back within 0.2 s, and nobody waits for its thread")
    with pytest.raises(ActivityFailed, match="timeout: hang has not come back") as caught:
        pay.perform("hang")
    assert caught.value.kind == "timeout"


def test_what_comes_back_too_late_leaves_no_trace(shop: Shop) -> None:
    simulator = shop({"pay.py": PAY})
    code: PythonCode = simulator._project.code
    hang, session = code.package.activities["hang"], MemorySession()
    before = set(threading.enumerate())
    result = perform_within(0.2, hang, PythonTask("", "k", "1", "do", 1, b"null", b"{}", 1000), session)
    [thread] = set(threading.enumerate()) - before
    sys.modules[hang.module].released.set()
    thread.join(20)
    assert (result.failure, "it is at" in result.error, thread.is_alive()) == (Failure.TIMEOUT, True, False)
    assert session.values == {}


def test_one_that_is_really_run_but_lasts_longer_than_it_may_is_a_timeout(pay: Simulator) -> None:
    assert task(pay, "word", 1, do=Lasts(299, Real())).status == "done"
    assert task(pay, "word", 1, do=Lasts(301, Real())).error == "timeout: nothing whole came of word within 300 s"


# what stubs are held to


def test_a_stub_returns_what_the_activity_could(pay: Simulator) -> None:
    assert task(pay, "charge", {"amount": 5}, do={"paid": "x"}).data == {"paid": "x"}
    assert task(pay, "Reserve", 5, do="Succeeded").data == "Succeeded"
    assert task(pay, "Reserve", 5, do="Permanent Failure").error == "Reserve: returned 'Permanent Failure'"
    assert task(pay, "word", 5, do="Temporary Failure").data == "Temporary Failure", "a function's words are its values"
    assert task(pay, "Reserve", 5, do=FailedWith("crashed")).error == "crashed (Reserve)"


@pytest.mark.parametrize(
    ("activity", "stub", "told"),
    [
        ("charge", {"paid": 5}, r"a node would not take that from charge \(.*pay\.py:\d+\): Expected `str`, got `int` - at `\$\[...\]`"),
        ("charge", None, "Expected `object`, got `null`"),
        ("charge", [lambda: Returned([])], "Expected `object`, got `array`"),
        ("Reserve", True, "it is a class, which returns 'Succeeded', 'Temporary Failure' or 'Permanent Failure'"),
        ("Reserve", None, "it is a class"),
    ],
)
def test_a_stub_that_returns_what_the_activity_could_not_is_told(pay: Simulator, activity: str, stub: Any, told: str) -> None:
    with pytest.raises(WrongStub, match=told):
        task(pay, activity, {"amount": 5}, do=stub)


@pytest.mark.parametrize("data", [{}, {"amount": "5"}, None])
def test_data_that_the_activity_would_not_take_fail_its_stub_as_they_fail_itself(pay: Simulator, data: Any) -> None:
    stubbed, real = task(pay, "charge", data, do={"paid": "x"}), task(pay, "charge", data)
    assert (stubbed.error, stubbed.status, stubbed.attempts) == (real.error, real.status, real.attempts)
    assert "charge cannot take the data it was given" in stubbed.error


# what is not there


def test_of_what_is_wrong_with_the_package_that_is_told_which_names_the_activity(shop: Shop) -> None:
    files = {f"bad{number}.py": "import nowhere_at_all" for number in range(5)}
    simulator = shop({**files, "one.py": PAY, "two.py": PAY})
    stubs = {"start": growing({"name": "charge", "kind": "python", "activity": "charge"})}
    with pytest.raises(MissingStub) as caught:
        simulator.run("foo", stubs=stubs)
    lines = str(caught.value).splitlines()
    assert lines[0].endswith("'charge', and nothing stands in for that: add a stub, by its name")
    assert lines[1].strip().startswith("stubs={'charge': None}   # ")
    assert (len(lines), "2 times, at " in lines[3]) == (4, True)
    with pytest.raises(UnknownActivity) as unknown:
        simulator.perform("refund")
    told = str(unknown.value).splitlines()
    assert (len(told), told[-1]) == (5, "    and 6 more: see cameron.problems")
