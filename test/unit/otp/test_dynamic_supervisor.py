"""Rule 12: any number of children, one template or a spec each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cameron.otp import (
    Actor,
    Address,
    ChildCount,
    ChildFailed,
    ChildInfo,
    ChildNotFound,
    ChildSpec,
    ChildStarted,
    Crash,
    DynamicSupervisor,
    Exit,
    Ignore,
    Killed,
    MaxChildren,
    NoProc,
    Normal,
    Reason,
    Ref,
    Restart,
    Restarting,
    Shutdown,
    StartChild,
    StartFailed,
    ThreadActor,
    count_children,
    start_child,
    terminate_child,
    which_children,
)
from cameron.otp.decisions import TerminateChild
from cameron.otp.probe import PATIENCE_S, Probe, end_of


class Worker(Actor):
    """Knows its arguments; does what it is told."""

    def __init__(self, *args: Any) -> None:
        super().__init__()
        self.args = args

    def on_start(self) -> None:
        if self.args == ("bad",):
            raise ValueError("bad")
        if self.args == ("idle",):
            raise Ignore

    def on_receive(self, message: Any) -> Any:
        return message(self) if callable(message) else self.args


class Family:
    """Starts dynamic supervisors and ends them after the test."""

    def __init__(self) -> None:
        self._supervisors: list[Ref[Any]] = []

    def start(self, *args: Any, **options: Any) -> Ref[Any]:
        supervisor = DynamicSupervisor.start(*args, **options)
        self._supervisors.append(supervisor)
        return supervisor


@pytest.fixture
def family() -> Iterator[Family]:
    family = Family()
    yield family
    for supervisor in family._supervisors:
        supervisor.exit()
        end_of(supervisor)


def started(supervisor: Ref[Any], *args: Any) -> Ref[Any]:
    ref = start_child(supervisor, *args)
    assert ref is not None
    return ref


def test_rule_12_children_come_from_one_template_with_their_own_arguments(family: Family) -> None:
    supervisor = family.start(Worker.start)
    refs = [started(supervisor, number, "x") for number in range(3)]
    assert [ref.ask("args") for ref in refs] == [(0, "x"), (1, "x"), (2, "x")]
    assert which_children(supervisor) == [ChildInfo(None, ref, "worker") for ref in reversed(refs)]


def test_rule_12_or_from_a_spec_each(family: Family) -> None:
    supervisor = family.start()
    ref = started(supervisor, ChildSpec("whatever", lambda: Worker.start("own")))
    assert ref.ask("args") == ("own",)
    with pytest.raises(StartFailed, match="takes one ChildSpec a child"):
        start_child(supervisor, "no spec")


def test_a_start_that_is_told_is_answered_by_a_message(family: Family, probe: Probe) -> None:
    supervisor = family.start(Worker.start, max_children=1)
    supervisor.tell(StartChild(("bad",), probe.ref, "t1"))
    supervisor.tell(StartChild(("idle",), probe.ref, "t2"))
    supervisor.tell(StartChild(("good",), probe.ref, "t3"))
    supervisor.tell(StartChild(("one too many",), probe.ref, "t4"))
    bad, idle, good, refused = (probe.next() for _ in range(4))
    assert (type(bad), bad.tag, type(bad.reason)) == (ChildFailed, "t1", Crash)
    assert idle == ChildStarted("t2", None)
    assert good == ChildStarted("t3", which_children(supervisor)[0].child)
    assert refused == ChildFailed("t4", MaxChildren(1))


def test_rule_12_max_children_refuses_with_an_error(family: Family) -> None:
    supervisor = family.start(Worker.start, max_children=2)
    first, _ = started(supervisor), started(supervisor)
    with pytest.raises(StartFailed) as caught:
        start_child(supervisor)
    assert caught.value.reason == MaxChildren(2)
    terminate_child(supervisor, first)
    started(supervisor)


def test_rule_12_the_ends_of_temporary_children_leave_nothing_behind(family: Family) -> None:
    supervisor = family.start(Worker.start)
    refs = [started(supervisor, number) for number in range(100)]
    for ref in refs:
        ref.tell(lambda me: me.exit(Normal))
    for ref in refs:
        end_of(ref)
    assert count_children(supervisor) == ChildCount(0, 0, 0, 0)
    assert supervisor.actor_inbox.actor.children_now() == []  # type: ignore[union-attr]
    assert not any(supervisor.actor_inbox.is_watched_by(ref) for ref in refs)


def test_a_transient_child_is_restarted_with_its_arguments_after_a_crash(family: Family) -> None:
    supervisor = family.start(Worker.start, Restart.TRANSIENT)
    ref = started(supervisor, 1, 2)
    ref.tell(lambda _: 1 / 0)
    end_of(ref)
    (info,) = which_children(supervisor)
    assert info.child is not ref
    assert info.child.ask("args") == (1, 2)
    info.child.tell(lambda me: me.exit(Normal))
    end_of(info.child)
    assert which_children(supervisor) == []


def test_a_crash_too_many_ends_the_supervisor_and_all_children(family: Family) -> None:
    supervisor = family.start(Worker.start, Restart.PERMANENT, intensity=1)
    first, second = started(supervisor, 1), started(supervisor, 2)
    for ref in (first, second):
        ref.tell(lambda _: 1 / 0)
    assert end_of(supervisor) == Shutdown()


def test_a_restart_that_fails_is_tried_again_until_it_is_too_much(family: Family) -> None:
    outcomes = iter([Worker.start])

    def start() -> Any:
        return next(outcomes)()

    supervisor = family.start(start, Restart.PERMANENT, intensity=3)
    started(supervisor).tell(lambda _: 1 / 0)
    assert end_of(supervisor) == Shutdown()


def test_terminate_child_takes_the_ref(family: Family) -> None:
    supervisor = family.start(Worker.start, Restart.PERMANENT)
    ref = started(supervisor)
    terminate_child(supervisor, ref)
    assert end_of(ref) == Shutdown()
    assert which_children(supervisor) == []
    with pytest.raises(ChildNotFound):
        terminate_child(supervisor, ref)


class Stubborn(ThreadActor):
    """Does not end before its gate opens."""

    gate = threading.Event()

    def terminate(self, reason: Reason) -> None:
        self.gate.wait(PATIENCE_S)


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    Stubborn.gate = threading.Event()
    yield Stubborn.gate
    Stubborn.gate.set()


def test_a_child_that_does_not_end_holds_nobody_up_and_is_killed_in_the_end(family: Family, gate: threading.Event) -> None:
    supervisor = family.start(Stubborn.start, shutdown=0.1)
    ref = started(supervisor)
    ended = threading.Thread(target=lambda: terminate_child(supervisor, ref))
    ended.start()
    started(supervisor)
    ended.join(PATIENCE_S)
    assert end_of(ref) == Killed


def test_a_child_that_ended_in_time_leaves_no_timer_behind(family: Family) -> None:
    supervisor = family.start(Worker.start, shutdown=604_800.0)
    for _ in range(3):
        terminate_child(supervisor, started(supervisor))
    assert supervisor.actor_inbox.timer is None


def test_everybody_who_terminates_a_child_is_answered(family: Family, gate: threading.Event) -> None:
    supervisor = family.start(Stubborn.start, shutdown=None)
    ref = started(supervisor)
    calls = [supervisor.ask(TerminateChild(ref), block=False) for _ in range(3)]
    count_children(supervisor)  # behind the calls
    gate.set()
    assert [call.get(timeout=PATIENCE_S) for call in calls] == [None] * 3


def test_a_name_whose_child_will_be_back_is_restarting(family: Family) -> None:
    gate = threading.Event()
    starts: Iterator[Callable[[], Any]] = iter(
        [lambda: Worker.start(name="comes back"), lambda: gate.wait(PATIENCE_S) and Worker.start(name="comes back")]
    )
    supervisor = family.start(lambda: next(starts)(), Restart.PERMANENT)
    ref = started(supervisor)
    ref.tell(lambda _: 1 / 0)
    end_of(ref)
    with pytest.raises(Exit) as caught:
        Address("comes back").ask("args")
    assert caught.value.reason == Restarting
    gate.set()
    count_children(supervisor)  # behind the restart
    Address("comes back").ask("args")
    terminate_child(supervisor, which_children(supervisor)[0].child)
    with pytest.raises(Exit) as caught:
        Address("comes back").ask("args")
    assert caught.value.reason == NoProc


def test_rule_8_children_end_in_parallel_under_one_common_time(family: Family, gate: threading.Event) -> None:
    supervisor = family.start(Stubborn.start, shutdown=0.2)
    refs = [started(supervisor) for _ in range(200)]  # one after the other they would take 40 s
    supervisor.exit()
    assert end_of(supervisor) == Shutdown()
    assert {end_of(ref) for ref in refs} == {Killed}


def test_the_children_of_a_dynamic_supervisor_that_is_killed_end_too(family: Family) -> None:
    supervisor = family.start(Worker.start)
    refs = [started(supervisor) for _ in range(3)]
    supervisor.kill()
    assert [end_of(ref) for ref in refs] == [Killed] * 3


def test_a_crash_of_a_temporary_child_is_reported_once(family: Family, caplog: pytest.LogCaptureFixture) -> None:
    supervisor = family.start(Worker.start)
    ref = started(supervisor)
    ref.tell(lambda _: 1 / 0)
    end_of(ref)
    count_children(supervisor)  # behind the report
    assert [(record.action, record.getMessage().count("Traceback")) for record in caplog.records] == [("not restarted", 1)]  # type: ignore[attr-defined]
