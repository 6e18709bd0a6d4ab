"""The pure core against a plain model, on random trees: bosses with lists of kids that are changed in place, a procedure for each event.

Crashes, ends, starts that fail or have nothing to do, attempts to restart and all calls come in any order, to any supervisor of the tree.
What is started and stopped, in which order, what every call answers and who is left must be the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cameron.otp import decisions as do
from cameron.otp.child import ChildSpec, ChildState, Restart
from cameron.otp.errors import ChildBusy, ChildNotFound, Ignore, StartFailed
from cameron.otp.intensity import Restarts
from cameron.otp.reasons import AlreadyPresent, AlreadyStarted, Crash, Normal, Reason, Shutdown
from cameron.otp.supervision import AutoShutdown, Strategy, decide, supervision

BOOM = Crash(ValueError("boom"), "ValueError: boom")
PERIOD_S = 5.0


@dataclass(frozen=True)
class Plan:
    """What a child shall be; a worker has no children."""

    name: str
    restart: Restart
    significant: bool = False
    kids: tuple[Plan, ...] | None = None
    strategy: Strategy = Strategy.ONE_FOR_ONE
    intensity: int = 1
    auto: AutoShutdown = AutoShutdown.NEVER


class Luck:
    """Which starts of workers go well, what has been done, and what time it is."""

    def __init__(self, outcomes: list[str]) -> None:
        self.outcomes, self.log, self.now = list(outcomes), list[str](), 0.0

    def start(self, name: str) -> str:
        outcome = self.outcomes.pop(0) if self.outcomes else "ok"
        self.log.append(f"{outcome} {name}")
        return outcome


# The model


@dataclass
class Kid:
    plan: Plan
    state: str = "stopped"
    boss: Boss | None = None


class Boss:
    """OTP's supervisor as one would write it without a thought of purity."""

    def __init__(self, plan: Plan, luck: Luck, above: tuple[Boss, Kid] | None = None) -> None:
        self.plan, self.luck, self.above = plan, luck, above
        self.kids = [Kid(kid) for kid in plan.kids or ()]
        self.times: list[float] = []
        self.gone = False

    def start(self, kid: Kid) -> str:
        outcome = self.luck.start(kid.plan.name) if kid.plan.kids is None else self.start_boss(kid)
        if outcome == "ok":
            kid.state = "running"
        elif outcome == "ignore":
            self.settle(kid)
        return outcome

    def start_boss(self, kid: Kid) -> str:
        kid.boss = Boss(kid.plan, self.luck, (self, kid))
        outcome = "ok" if kid.boss.boot() else "fail"
        self.luck.log.append(f"{outcome} {kid.plan.name}")
        return outcome

    def settle(self, kid: Kid) -> None:
        kid.state = "stopped"
        if kid.plan.restart is Restart.TEMPORARY:
            self.kids.remove(kid)

    def stop(self, kids: list[Kid]) -> None:
        for kid in reversed(kids):
            if kid.state == "running":
                if kid.boss is not None:
                    kid.boss.stop(list(kid.boss.kids))
                self.luck.log.append(f"stop {kid.plan.name}")
            self.settle(kid)

    def boot(self) -> bool:
        for kid in list(self.kids):
            if self.start(kid) == "fail":
                self.stop(list(self.kids))
                return False
        return True

    def leave(self) -> None:
        self.stop(list(self.kids))
        self.gone = True
        if self.above is not None:
            parent, me = self.above
            parent.ended(me, orderly=True)

    def ended(self, kid: Kid, *, orderly: bool) -> None:
        restart = kid.plan.restart
        if restart is Restart.PERMANENT or (restart is Restart.TRANSIENT and not orderly):
            kid.state = "restarting"
            self.again(kid)
            return
        self.settle(kid)
        others = [other for other in self.kids if other.plan.significant and other.state != "stopped"]
        if kid.plan.significant and (self.plan.auto is AutoShutdown.ANY_SIGNIFICANT or not others):
            self.leave()

    def again(self, kid: Kid) -> None:
        now = self.luck.now
        self.times = [then for then in self.times if then >= now - PERIOD_S] + [now]
        if len(self.times) > self.plan.intensity:
            self.leave()
            return
        wanted = [kid]
        if self.plan.strategy is not Strategy.ONE_FOR_ONE:
            first = self.kids.index(kid) if self.plan.strategy is Strategy.REST_FOR_ONE else 0
            wanted = self.kids[first:]
            self.stop([other for other in wanted if other is not kid])
            wanted = [other for other in wanted if other in self.kids]
        for one in wanted:
            if self.start(one) == "fail":
                kid.state = "stopped" if kid.state == "restarting" else kid.state
                one.state = "restarting"
                break

    def find(self, name: str) -> Kid | None:
        return next((kid for kid in self.kids if kid.plan.name == name), None)

    def add(self, plan: Plan) -> str:
        kid = self.find(plan.name)
        if kid is not None:
            return "already_present" if kid.state == "stopped" else "already_started"
        kid = Kid(plan)
        self.kids.append(kid)
        if self.start(kid) == "fail":
            self.kids.remove(kid)
            return "failed"
        return "ok"

    def terminate(self, name: str) -> str:
        kid = self.find(name)
        if kid is None:
            return "not_found"
        self.stop([kid])
        return "ok"

    def restart(self, name: str) -> str:
        kid = self.find(name)
        if kid is None:
            return "not_found"
        if kid.state != "stopped":
            return kid.state
        return "failed" if self.start(kid) == "fail" else "ok"

    def delete(self, name: str) -> str:
        kid = self.find(name)
        if kid is None:
            return "not_found"
        if kid.state != "stopped":
            return kid.state
        self.kids.remove(kid)
        return "ok"

    def bosses(self) -> Iterator[Boss]:
        yield self
        for kid in self.kids:
            if kid.boss is not None and kid.state == "running":
                yield from kid.boss.bosses()

    def picture(self) -> list[Any]:
        return [
            (kid.plan.name, kid.state, kid.boss.picture() if kid.boss is not None and kid.state == "running" else None) for kid in self.kids
        ]


# The real decisions, enacted on the same luck


@dataclass(eq=False)
class Core:
    plan: Plan
    luck: Luck
    parent: Core | None = None
    left: Reason | None = None
    tries: dict[Any, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        specs = [self.spec(kid) for kid in self.plan.kids or ()]
        self.state = supervision(specs, self.plan.strategy, Restarts(self.plan.intensity, PERIOD_S), self.plan.auto)

    def spec(self, plan: Plan) -> ChildSpec:
        return ChildSpec(plan.name, lambda: self.start(plan), plan.restart, significant=plan.significant)

    def start(self, plan: Plan) -> Any:
        if plan.kids is None:
            outcome = self.luck.start(plan.name)
            if outcome == "ignore":
                raise Ignore
            if outcome == "fail":
                raise StartFailed(BOOM)
            return object()
        core = Core(plan, self.luck, self)
        core.enact(do.Boot())
        self.luck.log.append(f"{'ok' if core.left is None else 'fail'} {plan.name}")
        if core.left is not None:
            raise StartFailed(core.left)
        return core

    def started(self, spec: ChildSpec) -> do.Event:
        try:
            return do.Started(spec.start())
        except Ignore:
            return do.Ignored()
        except StartFailed as failure:
            return do.NotStarted(failure.reason, self.luck.now)

    def feed(self, event: do.Event) -> Any:
        """Enact an event; where the supervisor left through it, its own supervisor hears of that."""
        answer = self.enact(event)
        if self.left is not None and self.parent is not None:
            self.parent.feed(do.Ended(self.plan.name, self, self.left, self.luck.now))
        return answer

    def enact(self, event: do.Event) -> Any:
        answer, events = None, [event]
        while events:
            self.state, effects = decide(self.state, events.pop())
            for effect in effects:
                match effect:
                    case do.Start(spec):
                        events.append(self.started(spec))
                    case do.Stop(children):
                        for child in children:
                            if isinstance(child.ref, Core):
                                child.ref.enact(do.StopAll())
                            self.luck.log.append(f"stop {child.spec.id}")
                    case do.TryAgain(child_id, attempt):
                        self.tries[child_id] = attempt
                    case do.Leave(reason):
                        self.left = reason
                    case do.Answer(value):
                        answer = value
        return answer

    def cores(self) -> Iterator[Core]:
        yield self
        for child in self.state.children.values():
            if isinstance(child.ref, Core):
                yield from child.ref.cores()

    def picture(self) -> list[Any]:
        return [
            (child.spec.id, child.state.value, child.ref.picture() if isinstance(child.ref, Core) else None)
            for child in self.state.children.values()
        ]


def word(answer: Any) -> str:
    """A call's answer as the model gives it."""
    match answer:
        case StartFailed(reason=AlreadyPresent()):
            return "already_present"
        case StartFailed(reason=AlreadyStarted()):
            return "already_started"
        case StartFailed():
            return "failed"
        case ChildNotFound():
            return "not_found"
        case ChildBusy(state=state):
            return str(state)
    assert not isinstance(answer, Exception)
    return "ok"


# What happens to both


@st.composite
def plans(draw: st.DrawFn, name: str = "", depth: int = 2, auto: AutoShutdown = AutoShutdown.NEVER) -> Plan:
    restart = draw(st.sampled_from(Restart))
    significant = auto is not AutoShutdown.NEVER and restart is not Restart.PERMANENT and draw(st.booleans())
    if name and (depth == 0 or draw(st.integers(0, 2))):  # a third of the inner ones are supervisors
        return Plan(name, restart, significant)
    own_auto = draw(st.sampled_from(AutoShutdown))
    kids = tuple(draw(plans(f"{name}{letter}", depth - 1, own_auto)) for letter in "abcd"[: draw(st.integers(1, 4))])
    return Plan(name, restart, significant, kids, draw(st.sampled_from(Strategy)), draw(st.integers(0, 9)), own_auto)


STEPS = ["crash", "crash", "normal", "again", "again", "start", "terminate", "terminate", "restart", "restart", "delete"]

Step = tuple[str, int, int, float]
steps_of_any_kind = st.lists(
    st.tuples(st.sampled_from(STEPS), st.integers(0, 7), st.integers(0, 5), st.sampled_from([0.0, 0.5, 2.5, 5.0, 6.0])),
    min_size=8,
    max_size=40,
)
outcomes_of_starts = st.lists(st.sampled_from(["ok", "ok", "ok", "fail", "fail", "ignore"]), min_size=5, max_size=40)


@settings(max_examples=300, deadline=None)
@given(plans(), st.integers(0, 3), outcomes_of_starts, steps_of_any_kind)
def test_the_core_does_what_the_model_does_whatever_happens_to_a_tree(
    plan: Plan, lucky: int, outcomes: list[str], steps: list[Step]
) -> None:
    outcomes = (["ok"] * workers(plan) if lucky else []) + outcomes  # mostly, let the tree come up
    boss, core = Boss(plan, Luck(outcomes)), Core(plan, Luck(outcomes))
    is_up = boss.boot()
    core.enact(do.Boot())
    assert core.luck.log == boss.luck.log
    assert (core.left is None) == is_up
    for what, which, number, later in steps:
        if boss.gone or core.left is not None:
            break
        boss.luck.now = core.luck.now = boss.luck.now + later
        bosses, cores = list(boss.bosses()), list(core.cores())
        at = which % len(bosses)
        assert take_step(what, cores[at], number) == model_step(what, bosses[at], number)
        assert core.luck.log == boss.luck.log
        assert core.picture() == boss.picture()
    assert (core.left is None) == (is_up and not boss.gone)
    assert core.left is None or isinstance(core.left, Shutdown)


def workers(plan: Plan) -> int:
    return 1 if plan.kids is None else sum(map(workers, plan.kids))


def model_step(what: str, boss: Boss, number: int) -> str:
    name = name_of(what, [kid.plan.name for kid in boss.kids], boss.plan, number)
    kid = boss.find(name)
    match what:
        case "start":
            return boss.add(Plan(name, list(Restart)[number % 3]))
        case "terminate":
            return boss.terminate(name)
        case "restart":
            return boss.restart(name)
        case "delete":
            return boss.delete(name)
        case "again" if kid is not None and kid.state == "restarting":
            boss.again(kid)
        case "crash" | "normal" if kid is not None and kid.state == "running" and kid.boss is None:
            boss.ended(kid, orderly=what == "normal")
    return "ok"


def take_step(what: str, core: Core, number: int) -> str:
    name = name_of(what, list(core.state.children), core.plan, number)
    child = core.state.children.get(name)
    match what:
        case "start":
            return word(core.feed(do.AddChild(core.spec(Plan(name, list(Restart)[number % 3])))))
        case "terminate":
            return word(core.feed(do.TerminateChild(name)))
        case "restart":
            return word(core.feed(do.RestartChild(name)))
        case "delete":
            return word(core.feed(do.DeleteChild(name)))
        case "again" if child is not None and child.state is ChildState.RESTARTING:
            core.feed(do.Again(name, core.tries[name], core.luck.now))
        case "crash" | "normal" if child is not None and child.state is ChildState.RUNNING and not isinstance(child.ref, Core):
            core.feed(do.Ended(name, child.ref, Normal if what == "normal" else BOOM, core.luck.now))
    return "ok"


def name_of(what: str, there: list[Any], plan: Plan, number: int) -> str:
    """One of those that are there; now and then one that is not."""
    if number == 5 or not there:
        return f"{plan.name}new"
    return str(there[number % len(there)])
