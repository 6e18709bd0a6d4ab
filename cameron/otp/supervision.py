"""What a supervisor decides, as a pure function: `decide(state, event) -> (state, effects)`.

The rules are OTP's:

1.  Children start in order, each after the one before has answered. The first that fails: those started are stopped in reverse, and the
    supervisor's own start fails with `Shutdown(("failed_to_start_child", id, reason))`.
2.  A child that ignores its start keeps its spec, without an actor; a temporary one is dropped.
3.  Permanent: always restarted. Transient: unless its end was orderly. Temporary: never, and its spec is dropped.
4.  Restarts are counted over `period_s`; more than `intensity` are too many. One failure counts once, each failed attempt once more.
5.  Giving up: no restart, all children are stopped in reverse, and the supervisor ends with `Shutdown()`.
6.  one_for_all: the others are stopped in reverse, temporary ones dropped, all are started in order. rest_for_one: the same for the
    child that failed and those after it.
7.  A restart that fails leaves the child restarting and those started before it running; the supervisor tells itself to try again, so
    that callers and its own end get in between.
8.  Children are stopped in reverse order of start; how long each may take is the enactor's to observe.
9.  auto_shutdown: a significant child that ends by itself and is not restarted ends the supervisor: the first one, or the last one.
10. and 11. are the calls: start_child, terminate_child, restart_child, delete_child (which_children and the like only look).
16. With a backoff, a child waits, restarting, before each attempt; a failed attempt is counted at once instead of at the next one.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from cameron.otp import decisions as do
from cameron.otp.child import Child, ChildSpec, ChildState, Restart
from cameron.otp.errors import ChildBusy, ChildNotFound, StartFailed
from cameron.otp.intensity import Restarts
from cameron.otp.reasons import AlreadyPresent, AlreadyStarted, Reason, Shutdown, is_orderly


class Strategy(Enum):
    """Which children a failure concerns."""

    ONE_FOR_ONE = "one_for_one"
    ONE_FOR_ALL = "one_for_all"
    REST_FOR_ONE = "rest_for_one"


class AutoShutdown(Enum):
    """Whether significant children's ends end the supervisor."""

    NEVER = "never"
    ANY_SIGNIFICANT = "any_significant"
    ALL_SIGNIFICANT = "all_significant"


class Why(Enum):
    """What children are being started for, which decides what a failure means."""

    BOOT = "boot"
    RESTART = "restart"
    ADD = "start_child"
    RETURN = "restart_child"


@dataclass(frozen=True, slots=True)
class Starting:
    """The children still to be started, the one in hand first."""

    why: Why
    ids: tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class Supervision:
    """A supervisor's whole state. `children` are in order of start, and never changed in place."""

    strategy: Strategy = Strategy.ONE_FOR_ONE
    auto_shutdown: AutoShutdown = AutoShutdown.NEVER
    restarts: Restarts = field(default_factory=Restarts)
    children: Mapping[Hashable, Child] = field(default_factory=dict)
    starting: Starting | None = None

    def awaits(self, child_id: Hashable) -> bool:
        """Whether that child is to be started again, now or later."""
        child = self.children.get(child_id)
        if child is None or child.state is ChildState.RUNNING:
            return False
        is_next = self.starting is not None and self.starting.why is Why.RESTART and child_id in self.starting.ids
        return is_next or child.state is ChildState.RESTARTING


Decided = tuple[Supervision, tuple[do.Effect, ...]]


def supervision(specs: Iterable[ChildSpec], strategy: Strategy, restarts: Restarts, auto_shutdown: AutoShutdown) -> Supervision:
    """Check the specs and flags; the state before `Boot`.

    Raises:
        ValueError: names the field that is wrong.
    """
    for flag, value, kind in (("strategy", strategy, Strategy), ("auto_shutdown", auto_shutdown, AutoShutdown)):
        if not isinstance(value, kind):
            raise ValueError(f"{flag} must be one of {', '.join(map(str, kind))}, not {value!r}")
    state = Supervision(strategy, auto_shutdown, restarts)
    children: dict[Hashable, Child] = {}
    for spec in specs:
        check(state, spec)
        if spec.id in children:
            raise ValueError(f"child {spec.id!r}: another child has this id; ids must be different within a supervisor")
        children[spec.id] = Child(spec)
    return replace(state, children=children)


def check(state: Supervision, spec: ChildSpec) -> None:
    """Raise ValueError where a spec does not go with the supervisor's flags."""
    if not isinstance(spec, ChildSpec):
        raise ValueError(f"a child must be given as a ChildSpec, not as {spec!r}")
    if spec.significant and state.auto_shutdown is AutoShutdown.NEVER:
        raise ValueError(f"child {spec.id!r}: significant means nothing where the supervisor's auto_shutdown is NEVER")
    restarts = state.restarts
    if spec.backoff is not None and spec.backoff.outlasts(restarts.intensity, restarts.period_s):
        raise ValueError(
            f"child {spec.id!r}: backoff outlasts the period of {restarts.period_s} s: {restarts.intensity} restarts would never fall "
            "within it, so the supervisor could never give up; lengthen period_s or lower cap_s"
        )


def decide(state: Supervision, event: do.Event) -> Decided:
    """Decide what an event changes and what is to be done about it, in that order."""
    match event:
        case do.Boot():
            return _start_next(replace(state, starting=Starting(Why.BOOT, tuple(state.children))))
        case do.Started() | do.Ignored() | do.NotStarted():
            return _on_started(state, event)
        case do.Ended():
            return _on_ended(state, event)
        case do.Again():
            return _on_again(state, event)
        case do.AddChild(spec):
            return _on_add(state, spec)
        case do.TerminateChild() | do.RestartChild() | do.DeleteChild():
            return _on_call(state, event)
        case do.StopAll():
            return _stop_all(state)


# Starting


def _start_next(state: Supervision) -> Decided:
    starting = state.starting
    if starting is None or not starting.ids:
        return replace(state, starting=None), ()
    return state, (do.Start(state.children[starting.ids[0]].spec),)


def _on_started(state: Supervision, event: do.Started | do.Ignored | do.NotStarted) -> Decided:
    assert state.starting is not None, "a start was answered that nobody had decided"
    why, (child_id, *rest) = state.starting.why, state.starting.ids
    child = state.children[child_id]
    if isinstance(event, do.NotStarted):
        state, _ = _stop(replace(state, starting=None), rest)  # they don't run; those that waited for this one wait no longer
        return _on_not_started(state, why, child.failed(event.reason), event)
    if isinstance(event, do.Started):
        ref, state = event.ref, _with(state, child.running(event.ref))
    else:
        ref, state = None, _settled(state, child)
    if why in (Why.ADD, Why.RETURN):
        return replace(state, starting=None), (do.Answer(ref),)
    return _start_next(replace(state, starting=Starting(why, tuple(rest))))


def _on_not_started(state: Supervision, why: Why, child: Child, event: do.NotStarted) -> Decided:
    spec = child.spec
    if why is Why.ADD:
        return _without(state, spec.id), (do.Answer(StartFailed(event.reason)),)
    if why is Why.RETURN:
        return _with(state, child.stopped()), (do.Answer(StartFailed(event.reason)),)
    if why is Why.BOOT:
        state, effects = _stop_all(state)
        report = _report(state, child, event.reason, do.DOES_NOT_START)
        return state, (report, *effects, do.Leave(Shutdown(("failed_to_start_child", spec.id, event.reason))))
    if spec.backoff is not None:
        return _count(state, child, event)
    child = child.restarting()
    return _with(state, child), (_report(state, child, event.reason, "trying again"), do.TryAgain(spec.id, child.restarts, 0.0))


# Ends and restarts


def _on_ended(state: Supervision, event: do.Ended) -> Decided:
    child = state.children.get(event.id)
    if child is None or child.ref is not event.ref:  # it was stopped, or dropped, meanwhile
        return state, ()
    if child.spec.restart.applies_to(event.reason):
        return _count(state, child.failed(event.reason), event)
    state = _settled(state, child.failed(event.reason))
    reports = () if is_orderly(event.reason) else (_report(state, child, event.reason, "not restarted"),)
    if _ends_all(state, child):
        state, effects = _stop_all(state)
        return state, (*reports, *effects, do.Leave(Shutdown()))
    return state, reports


def _ends_all(state: Supervision, child: Child) -> bool:
    """Whether the supervisor shuts itself down, now that this child has ended."""
    if not child.spec.significant or state.auto_shutdown is AutoShutdown.NEVER:
        return False
    others = (other for other in state.children.values() if other.spec.significant and other.state is not ChildState.STOPPED)
    return state.auto_shutdown is AutoShutdown.ANY_SIGNIFICANT or not any(others)


def _count(state: Supervision, child: Child, event: do.Ended | do.NotStarted) -> Decided:
    """A child is to be restarted: count that, and give up or go on."""
    ref = event.ref if isinstance(event, do.Ended) else None
    spec = child.spec
    state = replace(_with(state, child), restarts=state.restarts.add(spec.id, event.now))
    if state.restarts.are_too_many:
        return _give_up(state, _report(state, child, event.reason, "giving up: too many restarts", ref))
    if spec.backoff is None:
        state, effects = _begin_again(_with(state, child.restarting()), spec.id)
        return state, (_report(state, child, event.reason, "restarting", ref), *effects)
    delay_s = spec.backoff.delay(state.restarts.of(spec.id), event.chance)
    child = child.restarting()
    state, effects = _with(state, child), ()
    if isinstance(event, do.Ended):
        state, effects = _stop(state, _concerned(state, spec.id))
    report = _report(state, child, event.reason, f"restarting in {delay_s:.3g} s", ref)
    return state, (report, *effects, do.TryAgain(spec.id, child.restarts, delay_s))


def _on_again(state: Supervision, event: do.Again) -> Decided:
    child = state.children.get(event.id)
    if child is None or child.state is not ChildState.RESTARTING or child.restarts != event.attempt:
        return state, ()  # somebody has stopped or started it meanwhile
    if child.spec.backoff is None:
        state = replace(state, restarts=state.restarts.add(event.id, event.now))
        if state.restarts.are_too_many:
            reason = child.last_failure or Shutdown()
            return _give_up(state, replace(_report(state, child, reason, "giving up: too many restarts"), is_known=True))
    return _begin_again(state, event.id)


def _begin_again(state: Supervision, child_id: Hashable) -> Decided:
    """Stop those whom the failure of this child concerns, and start them and it in order."""
    state, stops = _stop(state, _concerned(state, child_id))
    concerned = {child_id, *_concerned(state, child_id)}
    ids = tuple(other for other in state.children if other in concerned)
    state, starts = _start_next(replace(state, starting=Starting(Why.RESTART, ids)))
    return state, (*stops, *starts)


def _concerned(state: Supervision, child_id: Hashable) -> list[Hashable]:
    """The other children that stop and start with this one."""
    ids = list(state.children)
    match state.strategy:
        case Strategy.ONE_FOR_ONE:
            return []
        case Strategy.REST_FOR_ONE:
            return ids[ids.index(child_id) + 1 :]
        case Strategy.ONE_FOR_ALL:
            return [other for other in ids if other != child_id]


def _give_up(state: Supervision, report: do.Report) -> Decided:
    state, effects = _stop_all(state)
    return state, (report, *effects, do.Leave(Shutdown()))


# Calls


def _on_add(state: Supervision, spec: ChildSpec) -> Decided:
    try:
        check(state, spec)
    except ValueError as error:
        return state, (do.Answer(error),)
    child = state.children.get(spec.id)
    if child is None:
        return _start_next(replace(_with(state, Child(spec)), starting=Starting(Why.ADD, (spec.id,))))
    if child.state is ChildState.STOPPED:
        return state, (do.Answer(StartFailed(AlreadyPresent(spec.id))),)
    return state, (do.Answer(StartFailed(AlreadyStarted(child.ref or child.state.value))),)


def _on_call(state: Supervision, event: do.TerminateChild | do.RestartChild | do.DeleteChild) -> Decided:
    child = state.children.get(event.id)
    if child is None:
        return state, (do.Answer(ChildNotFound(event.id)),)
    if isinstance(event, do.TerminateChild):
        state, effects = _stop(state, [event.id])
        return state, (*effects, do.Answer(None))
    if child.state is not ChildState.STOPPED:
        return state, (do.Answer(ChildBusy(event.id, child.state.value)),)
    if isinstance(event, do.DeleteChild):
        return _without(state, event.id), (do.Answer(None),)
    return _start_next(replace(state, starting=Starting(Why.RETURN, (event.id,))))


# Stopping, and changes of the children


def _stop(state: Supervision, ids: Iterable[Hashable]) -> Decided:
    """Stop those of these children that run, in reverse; temporary ones are dropped."""
    leaving = set(ids)
    children: dict[Hashable, Child] = {}
    running = []
    for child_id, child in state.children.items():
        if child_id not in leaving:
            children[child_id] = child
            continue
        if child.state is ChildState.RUNNING:
            running.append(child)
        if child.spec.restart is not Restart.TEMPORARY:
            children[child_id] = child.stopped()
    return replace(state, children=children), (do.Stop(tuple(reversed(running))),) if running else ()


def _stop_all(state: Supervision) -> Decided:
    return _stop(replace(state, starting=None), state.children)


def _settled(state: Supervision, child: Child) -> Supervision:
    """The child does not run and is not to be started: a temporary one is forgotten."""
    if child.spec.restart is Restart.TEMPORARY:
        return _without(state, child.spec.id)
    return _with(state, child.stopped())


def _with(state: Supervision, child: Child) -> Supervision:
    return replace(state, children={**state.children, child.spec.id: child})


def _without(state: Supervision, child_id: Hashable) -> Supervision:
    return replace(state, children={other: child for other, child in state.children.items() if other != child_id})


def _report(state: Supervision, child: Child, reason: Reason, action: str, ref: object = None) -> do.Report:
    return do.Report(child.spec.id, child.ref if ref is None else ref, reason, len(state.restarts.entries), action)
