"""The pure core of supervision, rule by rule, without a thread: children are strings, time is a number."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from cameron.otp import decisions as do
from cameron.otp.backoff import Backoff
from cameron.otp.child import ChildSpec, ChildState, Restart
from cameron.otp.errors import ChildBusy, ChildNotFound, StartFailed
from cameron.otp.intensity import Restarts
from cameron.otp.reasons import AlreadyPresent, AlreadyStarted, Crash, Killed, Normal, Reason, Shutdown
from cameron.otp.supervision import AutoShutdown, Strategy, decide, supervision

BOOM = Crash(ValueError("boom"), "Traceback ...\nValueError: boom\n")
ONE, ALL, REST = Strategy.ONE_FOR_ONE, Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE
PERMANENT, TRANSIENT, TEMPORARY = Restart.PERMANENT, Restart.TRANSIENT, Restart.TEMPORARY


def child(child_id: Hashable, restart: Restart = PERMANENT, *, significant: bool = False, backoff: Backoff | None = None) -> ChildSpec:
    return ChildSpec(child_id, lambda: None, restart, significant=significant, backoff=backoff)


@dataclass
class World:
    """Enacts decisions on paper: a start gives "a1", "a2", ..., or what `starts` says instead; `log` has what was done."""

    starts: dict[Hashable, list[Any]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    tries: list[do.TryAgain] = field(default_factory=list)
    reports: list[do.Report] = field(default_factory=list)
    left: Reason | None = None
    now: float = 100.0

    def boot(
        self, specs: Iterable[ChildSpec], strategy: Strategy = ONE, intensity: int = 1, auto: AutoShutdown = AutoShutdown.NEVER
    ) -> World:
        self.state = supervision(specs, strategy, Restarts(intensity, 5.0), auto)
        self.count: dict[Hashable, int] = {}
        self.feed(do.Boot())
        return self

    def feed(self, event: do.Event) -> Any:
        answer, events = None, [event]
        while events:
            self.state, effects = decide(self.state, events.pop(0))
            for effect in effects:
                match effect:
                    case do.Start(spec):
                        events.append(self.start(spec))
                    case do.Stop(children):
                        self.log += [f"stop {stopped.ref}" for stopped in children]
                    case do.TryAgain():
                        self.tries.append(effect)
                    case do.Leave(reason):
                        self.left = reason
                    case do.Answer(value):
                        answer = value
                    case do.Report():
                        self.reports.append(effect)
        return answer

    def start(self, spec: ChildSpec) -> do.Event:
        outcome = self.starts.get(spec.id, []).pop(0) if self.starts.get(spec.id) else None
        if isinstance(outcome, Reason):
            self.log.append(f"fail {spec.id}")
            return do.NotStarted(outcome, self.now)
        if outcome == "ignore":
            self.log.append(f"ignore {spec.id}")
            return do.Ignored()
        self.count[spec.id] = self.count.get(spec.id, 0) + 1
        self.log.append(f"start {spec.id}{self.count[spec.id]}")
        return do.Started(f"{spec.id}{self.count[spec.id]}")

    def end(self, child_id: Hashable, reason: Reason = BOOM, now: float | None = None) -> list[str]:
        """The child ends by itself; what was done about it."""
        self.log.clear()
        self.now = self.now if now is None else now
        self.feed(do.Ended(child_id, self.state.children[child_id].ref, reason, self.now))
        return self.log

    def again(self, now: float | None = None) -> list[str]:
        """The last `TryAgain` comes due; what was done."""
        self.log.clear()
        self.now = self.now if now is None else now
        tried = self.tries.pop()
        self.feed(do.Again(tried.id, tried.attempt, self.now))
        return self.log

    def shown(self) -> dict[Hashable, Any]:
        """Each child's ref, None or "restarting"."""
        return {key: "restarting" if one.state is ChildState.RESTARTING else one.ref for key, one in self.state.children.items()}


ABC = [child("a"), child("b"), child("c")]


# Rule 1


def test_rule_1_children_start_in_order() -> None:
    assert World().boot(ABC).log == ["start a1", "start b1", "start c1"]


def test_rule_1_the_first_that_fails_to_start_has_those_started_stopped_in_reverse() -> None:
    world = World({"c": [BOOM]}).boot(ABC)
    assert world.log == ["start a1", "start b1", "fail c", "stop b1", "stop a1"]
    assert world.left == Shutdown(("failed_to_start_child", "c", BOOM))
    assert world.tries == []


# Rule 2


def test_rule_2_ignore_keeps_the_spec_without_an_actor() -> None:
    world = World({"b": ["ignore"]}).boot(ABC)
    assert world.shown() == {"a": "a1", "b": None, "c": "c1"}


def test_rule_2_ignore_drops_a_temporary_child() -> None:
    assert World({"t": ["ignore"]}).boot([child("t", TEMPORARY)]).shown() == {}


# Rule 3


@pytest.mark.parametrize(
    ("restart", "reason", "expected"),
    [
        (PERMANENT, Normal, "a2"),
        (PERMANENT, Shutdown(), "a2"),
        (PERMANENT, BOOM, "a2"),
        (TRANSIENT, Normal, None),
        (TRANSIENT, Shutdown(), None),
        (TRANSIENT, Shutdown("moved"), None),
        (TRANSIENT, BOOM, "a2"),
        (TRANSIENT, Killed, "a2"),
        (TEMPORARY, Normal, "dropped"),
        (TEMPORARY, BOOM, "dropped"),
    ],
)
def test_rule_3_who_is_restarted_after_what(restart: Restart, reason: Reason, expected: str | None) -> None:
    world = World().boot([child("a", restart)])
    world.end("a", reason)
    assert world.shown().get("a", "dropped") == expected


# Rule 4


@pytest.mark.parametrize(
    ("intensity", "times", "gives_up"),
    [
        (0, [0.0], True),
        (1, [0.0], False),
        (1, [0.0, 4.9], True),
        (1, [0.0, 5.0], True),  # t >= now - period is still counted
        (1, [0.0, 5.1], False),
        (2, [0.0, 1.0, 5.1], False),
        (2, [0.0, 1.0, 2.0], True),
        (1, [0.0, 6.0, 12.0, 18.0], False),
    ],
)
def test_rule_4_more_than_intensity_restarts_within_the_period_are_too_many(intensity: int, times: list[float], gives_up: bool) -> None:
    world = World().boot(ABC, intensity=intensity)
    for now in times:
        world.end("a", BOOM, now)
    assert (world.left == Shutdown()) is gives_up


def test_rule_4_one_failure_is_one_entry_also_where_all_are_restarted() -> None:
    world = World().boot(ABC, ALL)
    world.end("a")
    assert len(world.state.restarts.entries) == 1


def test_rule_4_ends_without_a_restart_and_manual_restarts_do_not_count() -> None:
    world = World().boot([child("a", TRANSIENT), child("t", TEMPORARY)], intensity=0)
    world.end("a", Normal)
    world.end("t", BOOM)
    world.feed(do.RestartChild("a"))
    world.feed(do.TerminateChild("a"))
    assert world.state.restarts.entries == ()
    assert world.left is None


def test_rule_4_each_failed_attempt_counts() -> None:
    world = World({"a": [None, BOOM, BOOM, BOOM, BOOM]}).boot([child("a")], intensity=3)
    world.end("a")
    attempts = 1
    while world.left is None:
        attempts += world.again() == ["fail a"]
    assert attempts == 3
    assert world.left == Shutdown()


# Rule 5


def test_rule_5_giving_up_stops_all_in_reverse_and_restarts_nothing() -> None:
    world = World().boot(ABC, intensity=0)
    assert world.end("b") == ["stop c1", "stop a1"]
    assert world.left == Shutdown()


# Rule 6


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (ONE, ["start b2"]),
        (ALL, ["stop c1", "stop a1", "start a2", "start b2", "start c2"]),
        (REST, ["stop c1", "start b2", "start c2"]),
    ],
)
def test_rule_6_who_restarts_with_whom(strategy: Strategy, expected: list[str]) -> None:
    assert World().boot(ABC, strategy).end("b") == expected


@pytest.mark.parametrize("strategy", [ALL, REST])
def test_rule_6_temporary_siblings_are_dropped(strategy: Strategy) -> None:
    world = World().boot([child("a"), child("t", TEMPORARY), child("c")], strategy)
    assert world.end("a") == ["stop c1", "stop t1", "start a2", "start c2"]
    assert world.shown() == {"a": "a2", "c": "c2"}


def test_rule_6_all_are_started_also_those_that_had_ended() -> None:
    world = World().boot([child("a"), child("b", TRANSIENT)], ALL)
    world.end("b", Normal)
    assert world.end("a") == ["start a2", "start b2"]


# Rule 7


def test_rule_7_one_for_one_a_restart_that_fails_is_tried_again() -> None:
    world = World({"b": [None, BOOM]}).boot(ABC, intensity=5)
    assert world.end("b") == ["fail b"]
    assert world.shown() == {"a": "a1", "b": "restarting", "c": "c1"}
    assert world.tries[-1].delay_s == 0.0
    assert world.again() == ["start b2"]


def test_rule_7_one_for_all_stops_the_survivors_and_starts_all() -> None:
    world = World({"b": [None, BOOM]}).boot(ABC, ALL, intensity=5)
    assert world.end("c") == ["stop b1", "stop a1", "start a2", "fail b"]
    assert world.shown() == {"a": "a2", "b": "restarting", "c": None}
    assert world.again() == ["stop a2", "start a3", "start b2", "start c2"]


def test_rule_7_rest_for_one_goes_on_from_the_child_that_failed() -> None:
    world = World({"b": [None, BOOM]}).boot(ABC, REST, intensity=5)
    assert world.end("a") == ["stop c1", "stop b1", "start a2", "fail b"]
    assert world.again() == ["start b2", "start c2"]


def test_rule_7_terminate_child_ends_the_attempts() -> None:
    world = World({"b": [None, BOOM]}).boot(ABC, intensity=5)
    world.end("b")
    assert world.feed(do.TerminateChild("b")) is None
    assert world.again() == []
    assert world.shown() == {"a": "a1", "b": None, "c": "c1"}


def test_rule_7_the_supervisors_end_comes_between_attempts() -> None:
    world = World({"b": [None, BOOM]}).boot(ABC, intensity=5)
    world.end("b")
    world.log.clear()
    world.feed(do.StopAll())
    assert world.log == ["stop c1", "stop a1"]
    assert world.again() == []


def test_rule_7_an_attempt_that_a_sibling_has_overtaken_is_forgotten() -> None:
    world = World({"b": [None, BOOM]}).boot(ABC, ALL, intensity=5)
    world.end("c")
    waiting = world.tries[-1]
    assert world.end("a") == ["start a3", "start b2", "start c2"]
    world.tries.append(waiting)
    assert world.again() == []


# Rule 8


def test_rule_8_children_are_stopped_in_reverse() -> None:
    world = World().boot(ABC)
    world.log.clear()
    world.feed(do.StopAll())
    assert world.log == ["stop c1", "stop b1", "stop a1"]


def test_rule_8_a_child_that_died_by_itself_meanwhile_does_no_harm() -> None:
    world = World().boot(ABC, intensity=0)
    world.feed(do.StopAll())
    world.feed(do.Ended("a", "a1", BOOM, 100.0))
    assert world.left is None


# Rule 9

ANY, ALL_OF = AutoShutdown.ANY_SIGNIFICANT, AutoShutdown.ALL_SIGNIFICANT
SIGNIFICANT = [child("a", TRANSIENT, significant=True), child("b", TRANSIENT, significant=True), child("c")]


@pytest.mark.parametrize(
    ("auto", "ends", "leaves"),
    [
        (ANY, [("a", Normal)], True),
        (ANY, [("a", BOOM)], False),  # it is restarted
        (ANY, [("c", Normal)], False),  # it is not significant
        (ALL_OF, [("a", Normal)], False),
        (ALL_OF, [("a", Normal), ("b", Shutdown())], True),
    ],
)
def test_rule_9_significant_ends_shut_the_supervisor_down(auto: AutoShutdown, ends: list[tuple[str, Reason]], leaves: bool) -> None:
    world = World().boot(SIGNIFICANT, auto=auto)
    for child_id, reason in ends:
        world.end(child_id, reason)
    assert (world.left == Shutdown()) is leaves


def test_rule_9_not_through_terminate_child() -> None:
    world = World().boot(SIGNIFICANT, auto=ANY)
    world.feed(do.TerminateChild("a"))
    assert world.left is None


def test_rule_9_not_through_a_sibling() -> None:
    specs = [child("a"), child("t", TEMPORARY, significant=True)]
    world = World().boot(specs, ALL, auto=ANY)
    assert world.end("a") == ["stop t1", "start a2"]
    assert world.left is None


def test_rule_9_a_temporary_child_counts_after_a_crash_too() -> None:
    world = World().boot([child("t", TEMPORARY, significant=True), child("a")], auto=ANY)
    assert world.end("t") == ["stop a1"]
    assert world.left == Shutdown()


# Rule 10


def failed(answer: Any) -> Reason:
    assert isinstance(answer, StartFailed)
    return answer.reason


def test_rule_10_start_child_adds_at_the_end() -> None:
    world = World().boot(ABC)
    assert world.feed(do.AddChild(child("d"))) == "d1"
    assert list(world.shown()) == ["a", "b", "c", "d"]


def test_rule_10_start_child_refuses_an_id_that_is_there() -> None:
    world = World().boot(ABC)
    assert failed(world.feed(do.AddChild(child("a")))) == AlreadyStarted("a1")
    world.feed(do.TerminateChild("a"))
    assert failed(world.feed(do.AddChild(child("a")))) == AlreadyPresent("a")


def test_rule_10_start_child_that_fails_keeps_no_spec() -> None:
    world = World({"d": [BOOM]}).boot(ABC)
    assert failed(world.feed(do.AddChild(child("d")))) == BOOM
    assert "d" not in world.shown()


def test_rule_10_terminate_child_is_ok_and_again_ok() -> None:
    world = World().boot([child("a"), child("t", TEMPORARY)])
    world.log.clear()
    assert [world.feed(do.TerminateChild(child_id)) for child_id in ("a", "a", "t")] == [None, None, None]
    assert world.log == ["stop a1", "stop t1"]
    assert world.shown() == {"a": None}


@pytest.mark.parametrize("call", [do.TerminateChild, do.RestartChild, do.DeleteChild])
def test_rule_10_an_unknown_id_is_not_found(call: Callable[[Hashable], do.Event]) -> None:
    assert isinstance(World().boot(ABC).feed(call("nobody")), ChildNotFound)


@pytest.mark.parametrize("call", [do.RestartChild, do.DeleteChild])
def test_rule_10_a_child_that_runs_or_restarts_is_busy(call: Callable[[Hashable], do.Event]) -> None:
    world = World({"b": [None, BOOM]}).boot(ABC, intensity=5)
    world.end("b")
    answers = [world.feed(call("a")), world.feed(call("b"))]
    assert [(type(answer), answer.state) for answer in answers] == [(ChildBusy, "running"), (ChildBusy, "restarting")]


def test_rule_10_restart_child_starts_a_stopped_one_and_keeps_its_spec_where_that_fails() -> None:
    world = World({"a": [None, BOOM]}).boot(ABC)
    world.feed(do.TerminateChild("a"))
    assert failed(world.feed(do.RestartChild("a"))) == BOOM
    assert world.feed(do.RestartChild("a")) == "a2"
    assert list(world.shown()) == ["a", "b", "c"]


def test_rule_10_delete_child_forgets_a_stopped_one() -> None:
    world = World().boot(ABC)
    world.feed(do.TerminateChild("b"))
    assert world.feed(do.DeleteChild("b")) is None
    assert list(world.shown()) == ["a", "c"]


def test_rule_10_restart_types_apply_to_children_added_later() -> None:
    world = World().boot([])
    world.feed(do.AddChild(child("d")))
    assert world.end("d") == ["start d2"]


# Rule 16

SLOW = Backoff(delay_s=1.0, factor=2.0, cap_s=3.0)


def test_rule_16_a_child_with_backoff_waits_restarting() -> None:
    world = World().boot([child("a", backoff=SLOW)], intensity=2)
    assert world.end("a") == []
    assert world.shown() == {"a": "restarting"}
    assert world.tries[-1].delay_s == 1.0
    assert world.again() == ["start a2"]


def test_rule_16_the_delays_grow_with_the_restarts_of_the_period() -> None:
    quick = Backoff(delay_s=0.5, factor=2.0, cap_s=1.5)
    world = World({"a": [None, BOOM, BOOM]}).boot([child("a", backoff=quick)], intensity=3)
    world.end("a", now=0.0)
    delays = [world.tries[-1].delay_s]
    for now in (0.5, 1.5):
        assert world.again(now) == ["fail a"]
        delays.append(world.tries[-1].delay_s)
    assert delays == [0.5, 1.0, 1.5]


def test_rule_16_failed_attempts_count_and_end_in_giving_up() -> None:
    world = World({"a": [None, BOOM, BOOM]}).boot([child("a", backoff=SLOW)], intensity=2)
    world.end("a", now=0.0)
    world.again(1.0)
    assert world.left is None
    world.again(3.0)
    assert world.left == Shutdown()


def test_rule_16_siblings_that_depend_on_it_are_stopped_at_once_and_started_after_the_delay() -> None:
    world = World().boot([child("a", backoff=SLOW), child("b")], ALL, intensity=2)
    assert world.end("a") == ["stop b1"]
    assert world.again() == ["start a2", "start b2"]


def test_rule_16_an_older_wait_does_not_shorten_a_newer_one() -> None:
    world = World().boot([child("a", backoff=SLOW)], intensity=2)
    world.end("a")
    first = world.tries[-1]
    world.feed(do.TerminateChild("a"))
    world.feed(do.RestartChild("a"))
    world.end("a")
    world.tries.append(first)
    assert world.again() == []
    assert world.again() == ["start a3"]


def test_rule_16_a_period_that_the_delays_outlast_is_refused() -> None:
    with pytest.raises(ValueError, match="backoff outlasts the period"):
        World().boot([child("a", backoff=SLOW)], intensity=3)


@pytest.mark.parametrize(("attempt", "chance", "expected"), [(1, 0.0, 1.0), (2, 0.0, 2.0), (9, 0.0, 3.0), (9_999, 0.0, 3.0), (1, 1.0, 0.5)])
def test_rule_16_delay_factor_cap_and_jitter(attempt: int, chance: float, expected: float) -> None:
    assert Backoff(1.0, 2.0, 3.0, jitter=0.5).delay(attempt, chance) == expected


# What is refused


@pytest.mark.parametrize(
    ("field_named", "make"),
    [
        ("id", lambda: child(None)),
        ("start", lambda: ChildSpec("a", None)),  # type: ignore[arg-type]
        ("restart", lambda: ChildSpec("a", lambda: None, "sometimes")),  # type: ignore[arg-type]
        ("shutdown", lambda: ChildSpec("a", lambda: None, shutdown=-1.0)),
        ("shutdown", lambda: ChildSpec("a", lambda: None, shutdown="gently")),  # type: ignore[arg-type]
        ("type", lambda: ChildSpec("a", lambda: None, type="job")),  # type: ignore[arg-type]
        ("significant", lambda: child("a", PERMANENT, significant=True)),
        ("backoff", lambda: ChildSpec("a", lambda: None, backoff=1.0)),  # type: ignore[arg-type]
        ("significant", lambda: World().boot([child("a", TRANSIENT, significant=True)])),
        ("id", lambda: World().boot([child("a"), child("a")])),
        ("strategy", lambda: World().boot([], "one_for_two")),  # type: ignore[arg-type]
        ("auto_shutdown", lambda: World().boot([], auto=None)),  # type: ignore[arg-type]
        ("intensity", lambda: Restarts(-1)),
        ("period_s", lambda: Restarts(1, 0.0)),
        ("delay_s", lambda: Backoff(delay_s=-1.0)),
        ("jitter", lambda: Backoff(jitter=2.0)),
    ],
)
def test_a_spec_or_flag_that_is_wrong_is_refused_by_name(field_named: str, make: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match=field_named):
        make()


def test_rule_11_every_default_is_filled_in() -> None:
    worker, supervisor = ChildSpec("a", lambda: None), ChildSpec("b", lambda: None, type="supervisor")
    assert (worker.restart, worker.shutdown, worker.type, worker.significant, worker.backoff) == (PERMANENT, 5.0, "worker", False, None)
    assert supervisor.shutdown is None
    assert ChildSpec("c", lambda: None, shutdown="brutal_kill").shutdown_s == 0.0


def test_a_report_says_what_is_done_about_a_failure() -> None:
    world = World({"a": [None, BOOM]}).boot([child("a"), child("t", TEMPORARY)], intensity=1)
    world.end("t")
    world.end("a")
    world.again()
    assert [(report.id, report.restarts, report.action) for report in world.reports] == [
        ("t", 0, "not restarted"),
        ("a", 1, "restarting"),
        ("a", 1, "trying again"),
        ("a", 2, "giving up: too many restarts"),
    ]
