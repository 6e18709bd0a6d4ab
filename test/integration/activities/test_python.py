"""The actor that runs Python activities, in threads: places, order, what does not come back, and that one harms no other."""

import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest

from cameron.activities.call import Begun, Cancel, Failure, Occupancy, PythonReport, Replies, Reply, Report
from cameron.activities.package_loader import PackageLoader
from cameron.activities.python import PythonActivities
from cameron.activities.python_activity import PythonActivity
from cameron.activities.python_package import PythonPackage, discover
from cameron.activities.python_worker import PythonWorker
from cameron.otp import Crash, Killed, Normal, Ref, Shutdown, StartFailed, zombies
from cameron.otp.probe import end_of

from ...acceptance.support.waiting import eventually
from .python_desk import PATIENCE_S, USUAL, MemorySessions, PythonDesk, sample, success


@pytest.fixture
def here() -> Any:
    """The module of the activities that run in threads, as new."""
    module = PythonDesk.module("in_threads")
    eventually(lambda: not of_workers(), "the threads that earlier tests left behind")
    for kept in (module.gates, module.seen, module.come_back):
        kept.clear()
    module.at_once[:] = [0, 0]
    return module


@pytest.fixture
def desk(mailbox: Any, here: Any) -> Iterator[PythonDesk]:
    """One with 4 threads."""
    made = PythonDesk(mailbox)
    made.open()
    yield made
    made.close()


def of_workers() -> list[Ref[Any]]:
    """The threads of Python activities that have not come back."""
    return [ref for ref in zombies() if ref.actor_class is PythonWorker]


def waits_in_line(module: Any) -> int:
    """The number of the line in which `through` waits."""
    lines = Path(module.__file__).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if "gates[data].wait" in line)


# what is told of a run


def test_what_an_activity_returns_is_its_reply_and_it_knows_whose_run_it_is(desk: PythonDesk) -> None:
    told = {"data": [1, "ü"], "process": "foo", "job": "0123", "key": "k", "task": "build", "attempt": 2, "config": {"a": 1}}
    reply = desk.run("echo", [1, "ü"], task="build", attempt=2, config=b'{"a":1}')
    assert (json.loads(reply.body), reply._replace(body=b"")) == (told, Reply("build", 2, 0, b"", "", None, ""))


def test_each_run_is_said_to_have_begun_before_it_is_replied(desk: PythonDesk) -> None:
    for number in range(20):
        desk.run("note", number, task=str(number), attempt=number)
    assert desk.mailbox.told == [(what, str(number), number) for number in range(20) for what in ("begun", "replied")]


@pytest.mark.parametrize(
    ("activity", "data", "failure", "text"),
    [
        ("try_again", None, Failure.TEMPORARY, "not yet"),
        ("no_use", None, Failure.PERMANENT, "never"),
        ("leave", 3, Failure.EXCEPTION, "sys.exit(3)"),
        ("NeverMade", None, Failure.EXCEPTION, "LookupError: no such thing"),
        ("Silent", None, Failure.INVALID_DATA, "Silent.do_activity() returned None"),
        ("through", 5, Failure.INVALID_DATA, "through cannot take the data"),
    ],
)
def test_whatever_an_activity_does_is_a_reply(desk: PythonDesk, activity: str, data: Any, failure: Failure, text: str) -> None:
    reply = desk.run(activity, data)
    assert (reply.body, reply.failure, text in reply.error) == (b"", failure, True), reply.error
    assert "sample/in_threads.py:" in reply.error
    assert desk.run("Fine") == success("Succeeded")


def test_what_is_larger_than_a_reply_may_be_is_none(desk: PythonDesk) -> None:
    assert desk.run("echo", "x" * 100_000).failure is Failure.TOO_LARGE


# which activity


def test_an_unknown_activity_is_replied_at_once_with_the_names_near_it(desk: PythonDesk, here: Any) -> None:
    for number in range(4):
        desk.tell("through", str(number), task=str(number))
    desk.begun("0", "1", "2", "3")  # every thread is busy
    reply = desk.run("trough")
    assert reply.failure is Failure.UNKNOWN_ACTIVITY
    assert reply.error.startswith("there is no Python activity 'trough' in 'sample' (")
    assert "; did you mean 'through'" in reply.error
    assert ("begun", "t", 1) not in desk.mailbox.told


def test_a_node_without_a_package_says_so(desk: PythonDesk) -> None:
    desk.open(lambda: discover("", None))
    reply = desk.run("charge")
    assert reply.failure is Failure.UNKNOWN_ACTIVITY
    assert reply.error == "there is no Python activity 'charge': name the package that has it as activities_package under [python]"


def test_what_cannot_be_imported_is_logged_and_costs_the_others_nothing(
    desk: PythonDesk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    package = tmp_path / "with_a_broken_module"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "fine.py").write_text("from cameron.activities.activity import activity\n@activity\ndef ok(data): return 1\n", "utf-8")
    (package / "broken.py").write_text("import sys\nsys.exit('I give up')\n", "utf-8")
    with caplog.at_level(logging.WARNING, "cameron.activities"):
        desk.open(lambda: discover("with_a_broken_module", tmp_path))
    assert [record.message for record in caplog.records if "broken.py" in record.message]
    assert desk.run("ok") == success(1)
    error = desk.run("broken").error
    assert error.endswith("; 1 problem of the package is in the log (cameron check lists them)")


def test_an_activity_that_is_no_longer_there_is_unknown(desk: PythonDesk) -> None:
    gone = PythonActivity("gone", "sample.in_threads", "gone", 0.0, "", "sample/in_threads.py:1")
    desk.open(lambda: PythonPackage("sample", None, MappingProxyType({"gone": gone})))
    assert desk.run("gone").failure is Failure.UNKNOWN_ACTIVITY


@pytest.mark.parametrize("failing", [lambda: 1 / 0, lambda: exec("raise SystemExit(1)")])
def test_a_package_that_fails_the_loader_fails_the_start_with_a_text(failing: Any) -> None:
    with pytest.raises(StartFailed) as failed:
        PythonActivities.start(failing, MemorySessions(), SimpleQueue(), USUAL)
    assert "the package that [python] activities_package names could not be imported (crash: " in str(failed.value)


def test_a_package_that_hangs_does_not_hang_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PackageLoader, "start_timeout_s", 0.1)
    is_back = threading.Event()

    def hang() -> PythonPackage:
        is_back.wait(30)
        return sample()

    with pytest.raises(StartFailed) as failed:
        PythonActivities.start(hang, MemorySessions(), SimpleQueue(), USUAL)
    assert "could not be imported (not done within 0.1 s)" in str(failed.value)
    assert [ref.actor_class for ref in zombies()] == [PackageLoader]
    is_back.set()
    eventually(lambda: not zombies(), "the loader to come back")


# places and order


def test_of_many_runs_no_more_are_under_way_than_there_are_threads(desk: PythonDesk, here: Any) -> None:
    for number in range(50):
        desk.tell("together", number, task=str(number))
    eventually(lambda: here.at_once[0] == 4, "all threads to be busy")
    here.gates["together"].set()
    assert {desk.reply().task for _ in range(50)} == {str(number) for number in range(50)}
    assert here.at_once == [0, 4]


def test_runs_that_wait_begin_in_the_order_they_came_each_when_its_place_is_free(desk: PythonDesk, here: Any) -> None:
    desk.open(max_threads=1)
    for name in "abc":
        desk.tell("through", name, task=name)
    desk.begun("a")
    eventually(lambda: here.seen == ["a"], "the first to run")
    assert desk.mailbox.told == [("begun", "a", 1)]
    for name in "abc":
        here.gates[name].set()
    assert [desk.reply().task for _ in "abc"] == list("abc")
    assert here.seen == list("abc")


def test_runs_are_replied_in_the_order_they_end(desk: PythonDesk, here: Any) -> None:
    desk.tell("through", "slow", task="slow")
    assert desk.run("note", task="fast").task == "fast"
    here.gates["slow"].set()
    assert desk.reply().task == "slow"


def test_a_thousand_short_runs_take_no_more_threads_than_there_may_be(desk: PythonDesk, here: Any) -> None:
    before = threading.active_count()
    for number in range(1_000):
        desk.tell("note", number, task=str(number))
    assert {desk.reply().task for _ in range(1_000)} == {str(number) for number in range(1_000)}
    assert sorted(here.seen) == list(range(1_000))
    assert threading.active_count() <= before + 4


def test_an_activity_that_calls_the_actor_back_harms_nobody(desk: PythonDesk) -> None:
    """Whatever comes to the actor that it does not know, or cannot use, is logged."""
    desk.python.tell("what?")
    desk.tell("note", reply_to=[])
    assert desk.run("Fine") == success("Succeeded")


def test_a_receiver_that_cannot_be_told_costs_the_others_nothing(desk: PythonDesk) -> None:
    class Deaf:
        def tell(self, message: Any) -> None:
            raise OSError("deaf")

    desk.tell("note", reply_to=Deaf())
    desk.tell("nobody", reply_to=Deaf())
    assert desk.run("Fine") == success("Succeeded")


# what does not come back


def test_what_does_not_come_back_in_time_is_a_zombie_and_its_slot_is_replaced(desk: PythonDesk, here: Any) -> None:
    desk.open(max_threads=1)
    desk.tell("through", "stuck", task="first", timeout_s=1.0)
    desk.tell("Fine", task="second")
    assert [desk.reply(), desk.reply()] == [
        Reply(
            "first", 1, 0, b"", "", Failure.TIMEOUT,
            "timeout: through has not come back within 1 s, and nobody waits for its thread any more "
            f"(it is at sample/in_threads.py:{waits_in_line(here)})",
        ),
        success("Succeeded", "second"),
    ]  # fmt: skip
    assert list(map(str, of_workers())) == ["PythonWorker 'through', task 'first' of job 0123"]
    here.gates["stuck"].set()
    eventually(lambda: not of_workers(), "it to come back")
    assert (here.come_back, desk.mailbox.empty()) == (["stuck"], True)


def test_what_a_zombie_returns_is_told_to_nobody_also_when_its_task_runs_again(desk: PythonDesk, here: Any) -> None:
    desk.open(max_threads=1)
    assert desk.run("through", "stuck", timeout_s=1.0).failure is Failure.TIMEOUT
    desk.tell("through", "again", attempt=2)
    eventually(lambda: here.seen == ["stuck", "again"], "the second attempt")
    here.gates["stuck"].set()
    eventually(lambda: not of_workers(), "the first to come back")
    here.gates["again"].set()
    assert desk.reply() == success("again", attempt=2)
    assert desk.mailbox.told == [("begun", "t", 1), ("replied", "t", 1), ("begun", "t", 2), ("replied", "t", 2)]


def test_what_a_zombie_writes_to_its_session_is_refused(desk: PythonDesk, here: Any) -> None:
    assert desk.run("late_words", "stuck", timeout_s=1.0).failure is Failure.TIMEOUT
    here.gates["stuck"].set()
    eventually(lambda: here.come_back, "it to come back")
    assert desk.sessions.of_jobs["0123"].values == {"before": "1"}


@pytest.mark.parametrize(
    ("activity", "said", "settings"),
    [("impatient", {}, {}), ("through", {"timeout_s": 0.2}, {}), ("through", {}, {"timeout_s": 0.2})],
)
def test_a_run_may_take_what_its_definition_says_or_else_the_activity_or_else_the_node(
    desk: PythonDesk, here: Any, activity: str, said: dict[str, Any], settings: dict[str, Any]
) -> None:
    desk.open(**settings)
    assert "has not come back within 0.2 s" in desk.run(activity, "stuck", **said).error
    here.gates["stuck"].set()


def test_what_a_definition_says_goes_before_what_the_activity_says(desk: PythonDesk, here: Any) -> None:
    desk.tell("impatient", "slow", timeout_s=30)
    desk.run("through", "stuck", timeout_s=0.5)
    here.gates["slow"].set()
    here.gates["stuck"].set()
    assert desk.reply() == success(None)


@pytest.mark.parametrize(("said", "text"), [({"timeout_s": -1.0}, "timeout_s must be above 0"), ({"isolation": "vm"}, "not 'vm'")])
def test_what_cannot_be_run_as_it_is_said_is_not_run(desk: PythonDesk, here: Any, said: dict[str, Any], text: str) -> None:
    reply = desk.run("note", 1, **said)
    assert (reply.failure, text in reply.error, here.seen) == (Failure.CANNOT_RUN, True, [])


def test_with_more_zombies_than_there_may_be_nothing_more_is_run_in_threads(desk: PythonDesk, here: Any) -> None:
    desk.open(max_threads=2, max_zombies=1)
    desk.tell("through", "busy", task="busy")
    for name in ("one", "two"):
        assert desk.run("through", name, task=name, timeout_s=1.0).failure is Failure.TIMEOUT
    replies = [desk.run("Fine", task=str(number)) for number in range(3)]
    assert {(reply.failure, reply.error) for reply in replies} == {
        (
            Failure.CANNOT_RUN,
            "Fine was not run: 2 threads of Python activities have not come back when their time was over, and 1 may (python.max_zombies); "
            "restart this node, and give what does not come back the isolation 'process'",
        )
    }
    assert desk.run("either", isolation="process").failure is None
    here.gates["busy"].set()
    assert desk.reply() == success("busy", "busy")
    here.gates["one"].set()
    eventually(lambda: len(of_workers()) == 1, "one to come back")
    assert desk.run("Fine") == success("Succeeded")


def test_it_tells_how_many_run_wait_and_do_not_come_back(desk: PythonDesk, here: Any) -> None:
    desk.open(max_threads=2, max_zombies=0)
    reports: SimpleQueue[Any] = SimpleQueue()

    def report() -> PythonReport:
        desk.python.tell(Report(SimpleNamespace(tell=reports.put), "python"))
        told: PythonReport = reports.get(timeout=PATIENCE_S)
        return told

    package = report().package
    assert (package.name, package.activities, package.problems) == ("sample", len(sample().activities), ())
    assert "own" in package.isolated
    assert "note" not in package.isolated
    for name in "abc":
        desk.tell("through", name, task=name)
    desk.begun("a", "b")
    assert report()[1:] == (Occupancy("python_threads", 2, 1, 2), 0, "")
    for name in "abc":
        here.gates[name].set()
    assert {desk.reply().task for _ in "abc"} == set("abc")
    assert desk.run("through", "stuck", task="stuck", timeout_s=0.5).failure is Failure.TIMEOUT
    told = report()
    assert (told.threads, told.zombies) == (Occupancy("python_threads", 0, 0, 2), 1)
    assert told.refusal.startswith("1 threads of Python activities have not come back when their time was over, and 0 may")
    here.gates["stuck"].set()
    eventually(lambda: report()[2:] == (0, ""), "it to come back")


def test_runs_that_wait_are_replied_too_when_there_are_too_many_zombies(desk: PythonDesk, here: Any) -> None:
    desk.open(max_threads=1, max_zombies=0)
    desk.tell("through", "stuck", task="stuck", timeout_s=0.5)
    for number in range(3):
        desk.tell("Fine", task=str(number))
    assert [(reply.task, reply.failure) for reply in (desk.reply() for _ in range(4))] == [
        ("stuck", Failure.TIMEOUT),
        *((str(number), Failure.CANNOT_RUN) for number in range(3)),
    ]


# cancelled


def test_a_run_that_is_cancelled_while_it_waits_is_never_run(desk: PythonDesk, here: Any) -> None:
    desk.open(max_threads=1)
    desk.tell("through", "first", task="first")
    desk.tell("note", "second", task="second")
    desk.tell("note", "third", task="third")
    desk.python.tell(Cancel(desk.mailbox, "second"))
    here.gates["first"].set()
    assert [desk.reply().task, desk.reply().task] == ["first", "third"]
    assert (here.seen, desk.mailbox.empty()) == (["first", "third"], True)


def test_a_run_that_is_cancelled_while_it_runs_keeps_its_place_and_is_replied_to_nobody(desk: PythonDesk, here: Any) -> None:
    desk.open(max_threads=1)
    desk.tell("late_words", "first", task="first")
    desk.tell("Fine", task="second")
    eventually(lambda: here.seen, "the first to run")
    desk.python.tell(Cancel(desk.mailbox, "first"))
    desk.python.tell(Cancel(desk.mailbox, "first"))
    assert desk.run("nobody", task="third").task == "third"
    assert ("begun", "second", 1) not in desk.mailbox.told
    here.gates["first"].set()
    assert desk.reply() == success("Succeeded", "second")
    assert (desk.mailbox.empty(), desk.sessions.of_jobs["0123"].values) == (True, {"before": "1"})


def test_what_was_cancelled_and_does_not_come_back_is_a_zombie_at_its_timeout(desk: PythonDesk, here: Any) -> None:
    desk.open(max_threads=1)
    desk.tell("through", "stuck", task="stuck", timeout_s=0.5)
    desk.begun("stuck")
    desk.python.tell(Cancel(desk.mailbox, "stuck"))
    assert desk.run("Fine") == success("Succeeded")
    assert len(of_workers()) == 1
    here.gates["stuck"].set()


def test_a_task_that_was_cancelled_may_be_run_again_at_once(desk: PythonDesk, here: Any) -> None:
    desk.tell("through", "stuck")
    desk.begun("t")
    desk.python.tell(Cancel(desk.mailbox, "t"))
    assert desk.run("Fine", attempt=2) == success("Succeeded", attempt=2)
    here.gates["stuck"].set()
    assert desk.run("Fine", attempt=3) == success("Succeeded", attempt=3)


def test_a_cancel_is_of_one_receivers_task_and_of_no_other(desk: PythonDesk, here: Any, mailbox: Any) -> None:
    desk.tell("through", "slow")
    for cancel in (Cancel(desk.mailbox, "another"), Cancel(type(mailbox)(), "t")):
        desk.python.tell(cancel)
    assert desk.run("Fine", task="behind").task == "behind"
    here.gates["slow"].set()
    assert desk.reply() == success("slow")


# ends


@pytest.mark.parametrize(("how", "reason"), [(lambda ref: ref.exit(), Shutdown()), (lambda ref: ref.kill(), Killed)])
def test_the_end_of_the_actor_leaves_behind_what_runs_and_lets_go_of_what_does_not(
    desk: PythonDesk, here: Any, how: Any, reason: Any
) -> None:
    desk.open(max_threads=2)
    assert desk.run("Fine") == success("Succeeded")
    [idle] = desk.workers()
    for name in ("one", "two"):
        desk.tell("through", name, task=name)
    desk.tell("note", "waits", task="waits")
    eventually(lambda: len(here.seen) == 2, "both to run")
    busy = [worker for worker in desk.workers() if worker is not idle] or [idle]
    how(desk.python)
    assert end_of(desk.python) == reason
    assert {end_of(worker) for worker in busy} == {Killed}
    eventually(lambda: len(of_workers()) == 2, "both to be zombies")
    for name in ("one", "two"):
        here.gates[name].set()
    eventually(lambda: not of_workers(), "both to come back")
    assert (sorted(here.seen), desk.mailbox.empty()) == (["one", "two"], True)


def test_threads_that_are_free_end_with_the_actor(desk: PythonDesk) -> None:
    desk.run("Fine")
    [worker] = desk.workers()
    desk.python.exit()
    assert end_of(worker) in (Shutdown(), Normal)


def test_a_crash_of_the_actor_is_its_end_as_any_other(desk: PythonDesk, here: Any) -> None:
    desk.tell("through", "slow")
    desk.begun("t")
    eventually(lambda: here.seen, "it to run")
    desk.python.tell(Begun([], 1))  # type: ignore[arg-type]  # nothing that any performer tells
    assert isinstance(end_of(desk.python), Crash)
    eventually(lambda: len(of_workers()) == 1, "its thread to be a zombie")
    here.gates["slow"].set()
    eventually(lambda: not of_workers(), "it to come back")


def test_a_thread_that_ends_by_itself_is_replied_as_a_crash_and_replaced(desk: PythonDesk, here: Any) -> None:
    desk.open(max_threads=1)
    desk.tell("through", "slow")
    desk.begun("t")
    eventually(lambda: here.seen, "it to run")
    [worker] = desk.workers()
    worker.kill()
    assert desk.reply() == Reply("t", 1, 0, b"", "", Failure.CRASHED, "the thread that ran through has ended (killed): see the log")
    assert desk.run("Fine") == success("Succeeded")
    here.gates["slow"].set()


def test_replies_that_nobody_waits_for_are_passed_over(desk: PythonDesk) -> None:
    desk.python.tell(Replies([Reply("7", 1, 0, b"", "", None, "")]))
    desk.python.tell(Begun("7", 1))
    assert desk.run("Fine") == success("Succeeded")
