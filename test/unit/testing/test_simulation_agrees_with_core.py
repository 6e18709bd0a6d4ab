"""Random graphs through the simulation, and through `decide` and `apply` alone: whoever changes how jobs go on changes both, or neither."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from hypothesis import given, settings
from hypothesis import strategies as st

from cameron.activities.call import Failure, Reply
from cameron.activities.session import MemorySession
from cameron.core.advance import Advance
from cameron.core.event import JobEnded, Outcome, TaskCalled, TaskDelayed, TaskDue
from cameron.core.job import Job, Task, new_job
from cameron.core.process import Activity, Process
from cameron.core.strict_json import compact
from cameron.definitions import Settings
from cameron.definitions.cameron import CameronDialect
from cameron.definitions.dialect import JobRequest
from cameron.testing import FailedWith, Replied
from cameron.testing.outside import Outside
from cameron.testing.python_code import PythonCode
from cameron.testing.simulated_call import SimulatedCall
from cameron.testing.simulation import BEGIN_MS, Simulation, Start
from cameron.testing.stubs import Stubs

from ..core.plans import plans, static
from ..core.run import Plan, Run, plan_of, process

GRAPHS = static().flatmap(lambda activities: st.tuples(st.just(activities), st.tuples(*[plans() for _ in activities])))
Graph = tuple[tuple[Activity, ...], tuple[Plan, ...]]
DIALECT = CameronDialect(Settings())
REQUEST = JobRequest("key", "1", "", b'{"key":"key","data":1}')


def body(plan: Plan) -> dict[str, Any]:
    """What the task's service replies where it does not fail."""
    definitions = [{"name": name, "url": f"http://service/{name}"} for name, _ in plan.children]
    return {"data": "data", "next_activities": {"parallelizable": "yes" if plan.parallel else "no", "definitions": definitions}}


def reply(plan: Plan, task: Task) -> Reply:
    """What comes of the task's present attempt."""
    about, raw = (task.name, task.attempts), compact(body(plan)).encode()
    if not plan.failure or task.attempts > plan.failures:
        return Reply(*about, 200, raw, "", None, "")
    if plan.failure.startswith("http_"):
        return Reply(*about, int(plan.failure[5:]), b"", "", None, "")
    if plan.failure == "invalid_reply":
        return Reply(*about, 200, b"", "", None, "")
    return Reply(*about, 0, b"", "", Failure(plan.failure), "it was so")


def stub(plan: Plan, attempt: int) -> Any:
    """The same, as a test says it."""
    if not plan.failure or attempt > plan.failures:
        return Replied(200, body(plan))
    if plan.failure.startswith("http_"):
        return Replied(int(plan.failure[5:]))
    return Replied() if plan.failure == "invalid_reply" else FailedWith(plan.failure, "it was so")


class Reference(Run):
    """Calls come back in the order in which they went out, or when their time is over; delays of one time, in the order of their making."""

    def __init__(self, process: Process, planned: Sequence[Plan]) -> None:
        self.events: list[Any] = []
        self.due: dict[str, tuple[int, int]] = {}  # by task: when, and the how many-eth it was to be expected
        self.plans, self.numbers = planned, 0
        job = new_job(process, "key", "0" * 32, REQUEST.payload, BEGIN_MS + int(1000 * process.limits.timeout_s))
        super().__init__(process, self._outcome, job)
        self.now_ms = BEGIN_MS

    def to_its_end(self) -> Self:
        """Step by step."""
        self.start()
        while not isinstance(self.events[-1], JobEnded):
            due = [(at_ms, number, name) for name, (at_ms, number) in self.due.items()]
            at_ms, _, name = min(due)
            del self.due[name]
            self.now_ms = max(self.now_ms, at_ms)
            if name in self.under_way:
                self.reply(name)
            else:
                self.delayed.pop(name)
                self.happened(TaskDue(name))
        return self

    def _outcome(self, job: Job, task: Task) -> Outcome:
        return DIALECT.outcome(job, task, reply(plan_of(self.plans, job, task), task))

    def _apply(self, event: Any) -> Any:
        changes = super()._apply(event)
        self.events.append(event)
        if isinstance(event, TaskCalled):
            task = self.job.tasks[event.task]
            plan = plan_of(self.plans, self.job, task)
            timed_out = plan.failure == "timeout" and task.attempts <= plan.failures
            self._expect(event.task, self.now_ms + int(1000 * task.activity.timeouts.call_s) * timed_out)
        elif isinstance(event, TaskDelayed):
            self._expect(event.task, event.until_ms)
        return changes

    def _expect(self, task: str, at_ms: int) -> None:
        self.numbers += 1
        self.due[task] = (at_ms, self.numbers)


class Watched(Simulation):
    """A simulation of which each event is kept."""

    def __init__(self, *args: Any, **more: Any) -> None:
        self.events: list[Any] = []
        super().__init__(*args, **more)

    def _enact(self, made: Advance) -> None:
        self.events += (event for _, event in made.steps)
        super()._enact(made)


def simulated(process: Process, planned: Sequence[Plan]) -> Watched:
    simulation: Watched

    def answer(_data: Any, call: SimulatedCall) -> Any:
        job = simulation.job
        return stub(plan_of(planned, job, job.tasks[call.task]), call.attempt)

    outside = Outside(Stubs({"*": answer}, {}), PythonCode("", Path()), MemorySession(), BEGIN_MS)
    simulation = Watched(Start(process, DIALECT, REQUEST.payload, REQUEST, "0" * 32), outside)
    simulation.run()
    return simulation


@given(GRAPHS)
@settings(max_examples=60, deadline=None)
def test_the_same_events_in_the_same_order_lead_to_the_same_job(graph: Graph) -> None:
    activities, planned = graph
    defined = process(*activities)
    ours, theirs = simulated(defined, planned), Reference(defined, planned).to_its_end()
    assert ours.events == theirs.events
    assert (ours.job, ours.now_ms) == (theirs.job, theirs.now_ms)
