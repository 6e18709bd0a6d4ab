"""The supervisor as an actor: real children, real starts and stops."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cameron.otp import (
    Actor,
    Address,
    AlreadyPresent,
    AlreadyStarted,
    AutoShutdown,
    Backoff,
    ChildBusy,
    ChildCount,
    ChildFailed,
    ChildInfo,
    ChildNotFound,
    ChildSpec,
    ChildStarted,
    Crash,
    Exit,
    Ignore,
    Killed,
    NoProc,
    Normal,
    Reason,
    Ref,
    Restart,
    Restarting,
    Shutdown,
    StartChild,
    StartFailed,
    StartTimeout,
    Strategy,
    Supervisor,
    ThreadActor,
    count_children,
    delete_child,
    get_childspec,
    restart_child,
    start_child,
    terminate_child,
    tree_of,
    whereis,
    which_children,
    zombies,
)
from cameron.otp.calls import WhichChildren
from cameron.otp.probe import PATIENCE_S, Probe, end_of


class Worker(Actor):
    """Tells the probe of its start and end; does what it is told."""

    def __init__(self, probe: Probe, label: str) -> None:
        super().__init__()
        self.probe, self.label = probe, label

    def on_start(self) -> None:
        self.probe.ref.tell(f"start {self.label}")

    def on_receive(self, message: Any) -> Any:
        return message(self) if callable(message) else message

    def terminate(self, reason: Reason) -> None:
        self.probe.ref.tell(f"end {self.label}")


class Sturdy(Worker, ThreadActor):
    """The same, on a thread."""


class Family:
    """Starts supervisors over workers that tell one probe, and ends them after the test."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self._supervisors: list[Ref[Any]] = []

    def spec(self, label: str, kind: type[Worker] = Worker, *, named: bool = False, **options: Any) -> ChildSpec:
        return ChildSpec(label, lambda: kind.start(self.probe, label, name=label if named else None), **options)

    def supervisor(self, *specs: ChildSpec, **options: Any) -> Ref[Any]:
        supervisor = Supervisor.start(specs, **options)
        self._supervisors.append(supervisor)
        return supervisor

    def end(self) -> None:
        for supervisor in self._supervisors:
            supervisor.exit()
            end_of(supervisor)


@pytest.fixture
def family(probe: Probe) -> Iterator[Family]:
    family = Family(probe)
    yield family
    family.end()


def child_of(supervisor: Ref[Any], child_id: str) -> Any:
    return {info.id: info.child for info in which_children(supervisor)}[child_id]


def crash(ref: Ref[Any]) -> Reason:
    ref.tell(lambda _: 1 / 0)
    return end_of(ref)


def fails() -> Any:
    raise ValueError("no")


def test_rule_1_and_8_children_start_in_order_and_end_in_reverse(family: Family, probe: Probe) -> None:
    supervisor = family.supervisor(family.spec("a"), family.spec("b", Sturdy), family.spec("c"))
    supervisor.exit()
    assert end_of(supervisor) == Shutdown()
    assert probe.rest() == ["start a", "start b", "start c", "end c", "end b", "end a"]


def test_rule_1_a_child_that_fails_to_start_fails_the_supervisors_start(family: Family, probe: Probe) -> None:
    with pytest.raises(StartFailed) as caught:
        family.supervisor(family.spec("a"), family.spec("b"), ChildSpec("bad", fails))
    reason = caught.value.reason
    assert isinstance(reason, Shutdown)
    assert reason.detail[:2] == ("failed_to_start_child", "bad")
    assert isinstance(reason.detail[2], Crash)
    assert probe.rest() == ["start a", "start b", "end b", "end a"]


def test_rule_1_a_start_that_returns_no_ref_is_told_so(family: Family) -> None:
    with pytest.raises(StartFailed, match=r"must return what SomeActor.start\(...\) returns"):
        family.supervisor(ChildSpec("odd", lambda: None))


def test_rule_2_a_child_that_ignores_its_start_is_kept_without_an_actor(family: Family) -> None:
    def ignores() -> Any:
        raise Ignore

    supervisor = family.supervisor(ChildSpec("a", ignores), ChildSpec("t", ignores, Restart.TEMPORARY))
    assert which_children(supervisor) == [ChildInfo("a", None, "worker")]
    assert start_child(supervisor, ChildSpec("b", ignores)) is None


def test_rule_3_a_permanent_child_is_a_new_actor_after_a_normal_end(family: Family, probe: Probe) -> None:
    supervisor = family.supervisor(family.spec("a", named=True))
    first = whereis("a")
    assert first is not None
    first.tell(lambda me: me.exit(Normal))
    assert [probe.next() for _ in range(3)] == ["start a", "end a", "start a"]
    second = child_of(supervisor, "a")
    assert second is not first
    assert Address("a").ask("hello") == "hello"


class Hangs(Sturdy):
    """Does not start in time."""

    start_timeout_s = 0.1
    gate = threading.Event()

    def on_start(self) -> None:
        self.gate.wait(PATIENCE_S)


@pytest.fixture
def hangs() -> Iterator[type[Hangs]]:
    Hangs.gate = threading.Event()
    yield Hangs
    Hangs.gate.set()


def raises(error: BaseException) -> Callable[[], Any]:
    def start() -> Any:
        raise error

    return start


def raises_in(kind: type[Worker], error: BaseException) -> Callable[[], Any]:
    class Bad(kind):  # type: ignore[misc, valid-type]
        def on_start(self) -> None:
            raise error

    return lambda: Bad.start(Probe(), "bad")


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt()])
@pytest.mark.parametrize("how", [raises, lambda error: raises_in(Worker, error), lambda error: raises_in(Sturdy, error)])
def test_rule_1_whatever_a_start_raises_is_a_failed_start_and_nothing_else_ends(family: Family, how: Any, error: BaseException) -> None:
    supervisor = family.supervisor(family.spec("a"))
    with pytest.raises(StartFailed) as caught:
        start_child(supervisor, ChildSpec("bad", how(error)))
    assert isinstance(caught.value.reason, Crash)
    assert caught.value.reason.error is error
    with pytest.raises(StartFailed) as caught:
        Supervisor.start([ChildSpec("bad", how(error))])
    reason = caught.value.reason
    assert isinstance(reason, Shutdown)
    assert reason.detail[:2] == ("failed_to_start_child", "bad")
    assert reason.detail[2].error is error
    assert child_of(supervisor, "a").ask("still here") == "still here"


def test_rule_1_a_start_that_takes_too_long_is_a_failed_start(family: Family, probe: Probe, hangs: type[Hangs]) -> None:
    with pytest.raises(StartFailed) as caught:
        Supervisor.start([family.spec("a"), ChildSpec("slow", lambda: hangs.start(probe, "slow"))])
    assert caught.value.reason == Shutdown(("failed_to_start_child", "slow", StartTimeout))
    assert [probe.next(), probe.next()] == ["start a", "end a"]
    assert hangs in [ref.actor_class for ref in zombies()]


def test_rule_7_a_restart_that_takes_too_long_counts_as_one_that_failed(family: Family, probe: Probe, hangs: type[Hangs]) -> None:
    starts: Iterator[Callable[[], Any]] = iter(
        [lambda: Worker.start(probe, "a"), lambda: hangs.start(probe, "a"), lambda: Worker.start(probe, "a")]
    )
    supervisor = family.supervisor(ChildSpec("a", lambda: next(starts)()), intensity=2)
    crash(child_of(supervisor, "a"))
    assert [probe.next() for _ in range(3)] == ["start a", "end a", "start a"]


ENDS: dict[str, Callable[[Ref[Any]], None]] = {
    "normal": lambda ref: ref.tell(lambda me: me.exit()),
    "shutdown": lambda ref: ref.exit(),
    "shutdown for a reason": lambda ref: ref.exit(Shutdown("enough")),
    "crash": lambda ref: ref.tell(lambda _: 1 / 0),
    "killed": lambda ref: ref.kill(),
}
RESTARTED = {
    Restart.PERMANENT: set(ENDS),
    Restart.TRANSIENT: {"crash", "killed"},
    Restart.TEMPORARY: set(),
}


@pytest.mark.parametrize("end", list(ENDS))
@pytest.mark.parametrize("restart", list(Restart))
@pytest.mark.parametrize("kind", [Worker, Sturdy])
def test_rule_3_who_is_restarted_after_what(family: Family, kind: type[Worker], restart: Restart, end: str) -> None:
    supervisor = family.supervisor(family.spec("a", kind, restart=restart))
    ref = child_of(supervisor, "a")
    ENDS[end](ref)
    end_of(ref)
    children = {info.id: info.child for info in which_children(supervisor)}
    if end in RESTARTED[restart]:
        assert children["a"].is_alive()
        assert children["a"] is not ref
    else:
        assert children == ({} if restart is Restart.TEMPORARY else {"a": None})


def test_rule_3_a_child_that_ends_before_it_is_adopted_ended_with_its_own_reason(family: Family) -> None:
    def start_and_end() -> Ref[Any]:
        ref = Worker.start(family.probe, "brief")
        ref.tell(lambda me: me.exit(Normal))
        end_of(ref)
        return ref

    supervisor = family.supervisor(ChildSpec("brief", start_and_end, Restart.TRANSIENT))
    assert which_children(supervisor) == [ChildInfo("brief", None, "worker")]


def test_rules_4_and_5_a_crash_too_many_ends_the_supervisor_and_its_children(family: Family, probe: Probe) -> None:
    supervisor = family.supervisor(family.spec("a"), family.spec("b"), intensity=1)
    crash(child_of(supervisor, "a"))
    assert [probe.next() for _ in range(4)] == ["start a", "start b", "end a", "start a"]
    crash(child_of(supervisor, "a"))
    assert end_of(supervisor) == Shutdown()
    assert probe.rest() == ["end a", "end b"]


@pytest.mark.parametrize(("restart", "back"), [(Restart.PERMANENT, True), (Restart.TRANSIENT, False)])
def test_rule_5_only_a_permanent_entry_in_the_parent_restarts_a_supervisor_that_gave_up(
    family: Family, restart: Restart, back: bool
) -> None:
    low = ChildSpec("low", lambda: Supervisor.start([family.spec("a")], intensity=0), restart, type="supervisor")
    top = family.supervisor(low)
    supervisor = child_of(top, "low")
    start_child(supervisor, family.spec("added"))
    crash(child_of(supervisor, "a"))
    end_of(supervisor)
    again = child_of(top, "low")
    assert (again is not None) is back
    if back:
        assert [info.id for info in which_children(again)] == ["a"]


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (Strategy.ONE_FOR_ONE, ["end b", "start b"]),
        (Strategy.ONE_FOR_ALL, ["end b", "end c", "end a", "start a", "start b", "start c"]),
        (Strategy.REST_FOR_ONE, ["end b", "end c", "start b", "start c"]),
    ],
)
def test_rule_6_who_restarts_with_whom(family: Family, probe: Probe, strategy: Strategy, expected: list[str]) -> None:
    supervisor = family.supervisor(family.spec("a"), family.spec("b"), family.spec("c"), strategy=strategy)
    probe.rest()
    crash(child_of(supervisor, "b"))
    assert [probe.next() for _ in expected] == expected


def test_rule_7_a_restart_that_fails_is_tried_again_and_calls_get_in_between(family: Family, probe: Probe) -> None:
    gates = [threading.Event(), threading.Event()]

    def works() -> Any:
        return Worker.start(probe, "a")

    starts: Iterator[Callable[[], Any]] = iter([works, fails, fails, works])

    def start() -> Any:
        starting = next(starts)
        if starting is fails:
            probe.ref.tell("failing")
            assert gates.pop(0).wait(PATIENCE_S)
        return starting()

    first, second = gates
    supervisor = family.supervisor(ChildSpec("a", start), intensity=3)
    crash(child_of(supervisor, "a"))
    assert [probe.next() for _ in range(3)] == ["start a", "end a", "failing"]
    children = supervisor.ask(WhichChildren(), block=False)
    first.set()
    assert children.get(timeout=PATIENCE_S) == [ChildInfo("a", "restarting", "worker")]
    second.set()
    assert [probe.next(), probe.next()] == ["failing", "start a"]


def test_rule_7_a_supervisor_that_is_trying_again_can_be_ended(family: Family, probe: Probe) -> None:
    starts: Iterator[Callable[[], Any]] = iter([lambda: Worker.start(probe, "a")])
    supervisor = family.supervisor(ChildSpec("a", lambda: next(starts, fails)()), intensity=1_000_000, period_s=1e9)
    crash(child_of(supervisor, "a"))
    supervisor.exit()
    assert end_of(supervisor) == Shutdown()


class Stubborn(Sturdy):
    """Does not end before its gate opens."""

    gate = threading.Event()

    def terminate(self, reason: Reason) -> None:
        self.gate.wait(PATIENCE_S)


def test_rule_8_a_child_that_takes_too_long_is_killed(family: Family) -> None:
    supervisor = family.supervisor(family.spec("slow", Stubborn, shutdown=0.05))
    ref = child_of(supervisor, "slow")
    terminate_child(supervisor, "slow")
    assert end_of(ref) == Killed
    assert ref in zombies()
    Stubborn.gate.set()


@pytest.mark.parametrize("shutdown", [0, "brutal_kill"])
def test_rule_8_brutal_kill_kills_at_once_without_terminate(family: Family, probe: Probe, shutdown: Any) -> None:
    supervisor = family.supervisor(family.spec("a", shutdown=shutdown))
    ref = child_of(supervisor, "a")
    supervisor.exit()
    assert end_of(ref) == Killed
    end_of(supervisor)
    assert probe.rest() == ["start a"]


def test_rule_8_the_children_of_a_supervisor_that_is_killed_end_too(family: Family) -> None:
    supervisor = family.supervisor(family.spec("a"))
    ref = child_of(supervisor, "a")
    supervisor.kill()
    assert end_of(ref) == Killed


def test_rule_9_a_significant_end_shuts_down_and_cascades(family: Family) -> None:
    def start_low() -> Ref[Any]:
        significant = family.spec("a", named=True, restart=Restart.TRANSIENT, significant=True)
        return Supervisor.start([significant], auto_shutdown=AutoShutdown.ANY_SIGNIFICANT)

    low = ChildSpec("low", start_low, Restart.TEMPORARY, type="supervisor", significant=True)
    top = family.supervisor(low, family.spec("b"), auto_shutdown=AutoShutdown.ALL_SIGNIFICANT)
    Address("a").tell(lambda me: me.exit(Normal))
    assert end_of(top) == Shutdown()


def test_rule_10_the_calls_and_their_refusals(family: Family) -> None:
    supervisor = family.supervisor(family.spec("a"))
    ref = start_child(supervisor, family.spec("b"))
    assert ref is not None

    def refused(call: Callable[[], Any]) -> Any:
        with pytest.raises((StartFailed, ChildNotFound, ChildBusy, ValueError)) as caught:
            call()
        return getattr(caught.value, "reason", type(caught.value))

    assert refused(lambda: start_child(supervisor, family.spec("b"))) == AlreadyStarted(ref)
    assert refused(lambda: restart_child(supervisor, "b")) is ChildBusy
    assert refused(lambda: delete_child(supervisor, "b")) is ChildBusy
    terminate_child(supervisor, "b")
    terminate_child(supervisor, "b")
    assert refused(lambda: start_child(supervisor, family.spec("b"))) == AlreadyPresent("b")
    assert restart_child(supervisor, "b") is child_of(supervisor, "b")
    terminate_child(supervisor, "b")
    delete_child(supervisor, "b")
    assert refused(lambda: terminate_child(supervisor, "b")) is ChildNotFound
    assert refused(lambda: get_childspec(supervisor, "b")) is ChildNotFound
    assert isinstance(refused(lambda: start_child(supervisor, ChildSpec("c", fails))), Crash)
    assert refused(lambda: start_child(supervisor, "no spec")) is ValueError
    assert [info.id for info in which_children(supervisor)] == ["a"]


def test_rule_10_start_child_can_be_told_with_a_reply(family: Family, probe: Probe) -> None:
    supervisor = family.supervisor()
    supervisor.tell(StartChild((family.spec("a"),), reply_to=probe.ref, tag=1))
    assert probe.next() == "start a"
    assert probe.next() == ChildStarted(1, child_of(supervisor, "a"))
    supervisor.tell(StartChild((ChildSpec("b", fails),), reply_to=probe.ref, tag=2))
    answer = probe.next()
    assert isinstance(answer, ChildFailed)
    assert answer.tag == 2


def test_rule_11_children_are_listed_last_first_and_counted(family: Family) -> None:
    sub = ChildSpec("sub", lambda: Supervisor.start([]), type="supervisor")
    supervisor = family.supervisor(family.spec("a"), sub, family.spec("c", restart=Restart.TRANSIENT))
    terminate_child(supervisor, "a")
    assert [(info.id, info.child is None, info.type) for info in which_children(supervisor)] == [
        ("c", False, "worker"),
        ("sub", False, "supervisor"),
        ("a", True, "worker"),
    ]
    assert count_children(supervisor) == ChildCount(specs=3, active=2, supervisors=1, workers=2)
    assert get_childspec(supervisor, "sub").shutdown is None


def test_rule_16_a_child_waits_restarting_and_its_address_says_so(family: Family) -> None:
    supervisor = family.supervisor(family.spec("a", named=True, backoff=Backoff(delay_s=1_000.0, cap_s=1_000.0)), period_s=2_000.0)
    crash(child_of(supervisor, "a"))
    assert child_of(supervisor, "a") == "restarting"
    with pytest.raises(Exit) as caught:
        Address("a").ask("hello")
    assert caught.value.reason == Restarting
    terminate_child(supervisor, "a")
    with pytest.raises(Exit) as caught:
        Address("a").ask("hello")
    assert caught.value.reason == NoProc


def test_an_address_says_restarting_before_the_supervisor_has_heard_of_the_end(family: Family) -> None:
    gate = threading.Event()
    starts: Iterator[Callable[[], Any]] = iter(
        [lambda: Sturdy.start(family.probe, "a", name="a"), lambda: gate.wait(PATIENCE_S) and Worker.start(family.probe, "a", name="a")]
    )
    supervisor = family.supervisor(ChildSpec("a", lambda: next(starts)()))
    crash(child_of(supervisor, "a"))
    with pytest.raises(Exit) as caught:
        Address("a").ask("hello")
    assert caught.value.reason == Restarting
    gate.set()
    which_children(supervisor)  # behind the restart
    assert Address("a").ask("hello") == "hello"


def test_the_promise_of_a_supervisor_that_was_killed_is_void(family: Family) -> None:
    supervisor = family.supervisor(family.spec("a", named=True, backoff=Backoff(delay_s=1_000.0, cap_s=1_000.0)), period_s=2_000.0)
    crash(child_of(supervisor, "a"))
    which_children(supervisor)
    supervisor.kill()
    with pytest.raises(Exit) as caught:
        Address("a").ask("hello")
    assert caught.value.reason == NoProc


@pytest.mark.parametrize("restart", [Restart.TRANSIENT, Restart.TEMPORARY])
def test_an_address_says_noproc_where_nobody_will_be_back(family: Family, restart: Restart) -> None:
    supervisor = family.supervisor(family.spec("a", named=True, restart=restart))
    ref = child_of(supervisor, "a")
    ref.tell(lambda me: me.exit())
    end_of(ref)
    with pytest.raises(Exit) as caught:
        Address("a").ask("hello")
    assert caught.value.reason == NoProc


def test_rule_16_a_child_with_backoff_comes_back(family: Family, probe: Probe) -> None:
    supervisor = family.supervisor(family.spec("a", backoff=Backoff(delay_s=0.01)))
    crash(child_of(supervisor, "a"))
    assert [probe.next() for _ in range(3)] == ["start a", "end a", "start a"]


def test_each_crash_is_reported_once_with_its_traceback_and_what_is_done(family: Family, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "cameron.otp")
    supervisor = family.supervisor(family.spec("a"), intensity=1)
    crash(child_of(supervisor, "a"))
    crash(child_of(supervisor, "a"))
    end_of(supervisor)
    assert [(record.action, record.restarts, record.getMessage().count("Traceback")) for record in caplog.records] == [  # type: ignore[attr-defined]
        ("restarting", 1, 1),
        ("giving up: too many restarts", 2, 1),
    ]


def test_the_tree_shows_each_actor(family: Family, probe: Probe) -> None:
    low = ChildSpec("low", lambda: Supervisor.start([family.spec("a")], intensity=9), type="supervisor")
    top = family.supervisor(low, family.spec("b", named=True))
    crash(child_of(child_of(top, "low"), "a"))
    assert [probe.next() for _ in range(4)] == ["start a", "start b", "end a", "start a"]
    which_children(child_of(top, "low"))  # behind the restart
    tree = tree_of(top)
    assert [(node.name, node.kind, node.state, node.restarts) for node in tree.children] == [
        ("low", "Supervisor", "running", 0),
        ("b", "Worker", "running", 0),
    ]
    (worker,) = tree.children[0].children
    assert (worker.name, worker.restarts, worker.mailbox, worker.last_crash) == (
        "a",
        1,
        0,
        "crash: ZeroDivisionError: division by zero",
    )
