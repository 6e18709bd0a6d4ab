"""The pure core against a plain model: a list of children that is changed in place, one procedure for each thing that happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cameron.otp import decisions as do
from cameron.otp.child import ChildSpec, ChildState, Restart
from cameron.otp.intensity import Restarts
from cameron.otp.reasons import Crash, Normal
from cameron.otp.supervision import AutoShutdown, Strategy, decide, supervision

BOOM = Crash(ValueError("boom"), "ValueError: boom")
PERIOD_S = 5.0


@dataclass
class Kid:
    name: str
    restart: Restart
    state: str = "stopped"


class Model:
    """OTP's supervisor as one would write it without a thought of purity. `outcomes` says which starts succeed, in order."""

    def __init__(self, kids: list[Kid], strategy: Strategy, intensity: int, outcomes: list[bool]) -> None:
        self.kids, self.strategy, self.intensity = kids, strategy, intensity
        self.outcomes, self.gone = list(outcomes), False
        self.times: list[float] = []
        self.log: list[str] = []

    def start(self, kid: Kid) -> bool:
        well = self.outcomes.pop(0) if self.outcomes else True
        self.log.append(f"{'start' if well else 'fail'} {kid.name}")
        if well:
            kid.state = "running"
        return well

    def stop(self, kids: list[Kid]) -> None:
        for kid in reversed(kids):
            if kid.state == "running":
                self.log.append(f"stop {kid.name}")
            kid.state = "stopped"
            if kid.restart is Restart.TEMPORARY:
                self.kids.remove(kid)

    def leave(self) -> None:
        self.stop(list(self.kids))
        self.gone = True

    def boot(self) -> None:
        for kid in list(self.kids):
            if not self.start(kid):
                self.leave()
                break

    def ended(self, kid: Kid, normal: bool, now: float) -> None:
        if kid.restart is Restart.TEMPORARY:
            self.kids.remove(kid)
        elif kid.restart is Restart.TRANSIENT and normal:
            kid.state = "stopped"
        else:
            kid.state = "restarting"
            self.again(kid, now)

    def again(self, kid: Kid, now: float) -> None:
        self.times = [then for then in self.times if then >= now - PERIOD_S] + [now]
        if len(self.times) > self.intensity:
            self.leave()
            return
        at = self.kids.index(kid)
        if self.strategy is Strategy.ONE_FOR_ONE:
            wanted = [kid]
        else:
            wanted = self.kids[at:] if self.strategy is Strategy.REST_FOR_ONE else list(self.kids)
            self.stop([other for other in wanted if other is not kid])
            wanted = [other for other in wanted if other in self.kids]
        for one in wanted:
            if not self.start(one):
                kid.state = "stopped" if kid.state == "restarting" else kid.state
                one.state = "restarting"
                break

    def terminate(self, kid: Kid) -> None:
        self.stop([kid])

    def restart(self, kid: Kid) -> None:
        if kid.state == "stopped":
            self.start(kid)


class Core:
    """The real decisions, enacted on the same outcomes."""

    def __init__(self, specs: list[ChildSpec], strategy: Strategy, intensity: int, outcomes: list[bool]) -> None:
        self.state = supervision(specs, strategy, Restarts(intensity, PERIOD_S), AutoShutdown.NEVER)
        self.outcomes, self.gone, self.refs = list(outcomes), False, 0
        self.log: list[str] = []
        self.tries: dict[Any, int] = {}

    def feed(self, event: do.Event, now: float) -> None:
        events = [event]
        while events:
            self.state, effects = decide(self.state, events.pop())
            for effect in effects:
                match effect:
                    case do.Start(spec):
                        well = self.outcomes.pop(0) if self.outcomes else True
                        self.log.append(f"{'start' if well else 'fail'} {spec.id}")
                        self.refs += 1
                        events.append(do.Started(self.refs) if well else do.NotStarted(BOOM, now))
                    case do.Stop(children):
                        self.log += [f"stop {child.spec.id}" for child in children]
                    case do.TryAgain(child_id, attempt):
                        self.tries[child_id] = attempt
                    case do.Leave():
                        self.gone = True

    def states(self) -> dict[Any, str]:
        return {child_id: child.state.value for child_id, child in self.state.children.items()}


steps = st.lists(
    st.tuples(
        st.sampled_from(["crash", "normal", "again", "terminate", "restart"]),
        st.integers(0, 4),
        st.sampled_from([0.0, 0.5, 2.0, 5.0, 6.0]),
    ),
    max_size=25,
)


@settings(max_examples=600, deadline=None)
@given(
    st.lists(st.sampled_from(Restart), min_size=1, max_size=5),
    st.sampled_from(Strategy),
    st.integers(0, 9),
    st.lists(st.sampled_from([True, True, True, False]), max_size=30),
    steps,
)
def test_the_core_does_what_the_model_does(
    restarts: list[Restart], strategy: Strategy, intensity: int, outcomes: list[bool], steps: list[tuple[str, int, float]]
) -> None:
    names = [f"kid{number}" for number in range(len(restarts))]
    outcomes = [True] * len(names) + outcomes if intensity else outcomes  # mostly, let the children start
    model = Model([Kid(name, restart) for name, restart in zip(names, restarts, strict=True)], strategy, intensity, outcomes)
    core = Core([ChildSpec(name, print, restart) for name, restart in zip(names, restarts, strict=True)], strategy, intensity, outcomes)
    now = 0.0
    model.boot()
    core.feed(do.Boot(), now)
    for what, number, later in steps:
        if model.gone or not model.kids:
            break
        now += later
        kid = model.kids[number % len(model.kids)]
        _step(model, core, what, kid, now)
        assert core.log == model.log
        assert core.states() == {other.name: other.state for other in model.kids}
    assert core.log == model.log
    assert core.gone == model.gone


def _step(model: Model, core: Core, what: str, kid: Kid, now: float) -> None:
    if what in ("crash", "normal"):
        if kid.state == "running":
            child = core.state.children[kid.name]
            assert child.state is ChildState.RUNNING
            model.ended(kid, what == "normal", now)
            core.feed(do.Ended(kid.name, child.ref, Normal if what == "normal" else BOOM, now), now)
    elif what == "again":
        if kid.state == "restarting":
            model.again(kid, now)
            core.feed(do.Again(kid.name, core.tries[kid.name], now), now)
    elif what == "terminate":
        model.terminate(kid)
        core.feed(do.TerminateChild(kid.name), now)
    else:
        model.restart(kid)
        core.feed(do.RestartChild(kid.name), now)
