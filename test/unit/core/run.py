"""A job's run without a node: a plan says how each task replies, and every step goes the way that a runner goes."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from cameron.core.decider import decide
from cameron.core.event import Change, Event, Failure, Growth, JobStarted, Outcome, Success, TaskCalled, TaskDelayed, TaskDue, TaskReplied
from cameron.core.job import Job, Task, apply, new_job
from cameron.core.process import Activity, HttpCall, Limits, Process
from cameron.core.status import Status

BEGIN_MS = 1_000_000
DEADLINE_MS = BEGIN_MS + 1_000_000_000
DEFAULT_LIMITS = Limits()
ENDED = (Status.DONE, Status.ERROR)


class Plan(NamedTuple):
    """How a task replies, and how the tasks do that grow from it."""

    failure: str = ""  # the kind of failure; "" a success
    failures: int = 1_000_000  # attempts that fail before one succeeds
    parallel: bool = True
    children: "tuple[tuple[str, Plan], ...]" = ()


def activity(name: str, **fields: Any) -> Activity:
    """An activity that is called by HTTP at a URL of its name."""
    return Activity(name, HttpCall(f"http://service/{name}"), **fields)


def process(*activities: Activity, limits: Limits = DEFAULT_LIMITS) -> Process:
    """A process of these activities, or of `start` alone."""
    return Process("foo", "cameron", activities or (activity("start"),), "{}", "digest", limits)


def path(job: Job, task: Task) -> tuple[int, ...]:
    """Where a task stands in the graph, whatever it came to be called: its position among its siblings, its parent's among its ..."""
    siblings = [other.name for other in job.tasks.values() if other.parent == task.parent]
    above = path(job, job.tasks[task.parent]) if task.parent else ()
    return (*above, siblings.index(task.name))


def branch(job: Job, name: str) -> list[Task]:
    """The task and all that grew from it."""
    return [job.tasks[name], *(task for child in job.tasks.values() if child.parent == name for task in branch(job, child.name))]


def plan_of(plans: Sequence[Plan], job: Job, task: Task) -> Plan:
    """What the plan says of the task."""
    first, *rest = path(job, task)
    plan = plans[first]
    for at in rest:
        plan = plan.children[at][1]
    return plan


def outcome(plan: Plan, attempt: int) -> Outcome:
    """The planned outcome, as a value."""
    if plan.failure and attempt <= plan.failures:
        return Failure(plan.failure, f"it was {plan.failure}")
    growth = Growth(tuple(activity(name) for name, _ in plan.children), plan.parallel) if plan.children else None
    return Success('"data"', growth, "undefined", b"payload", "requestor")


def size(plan: Plan) -> int:
    """How many tasks the plan is for, if nothing fails."""
    return 1 + sum(size(child) for _, child in plan.children)


class Run:
    """The job as it stands, the calls under way, and what would have been recorded.

    After each event the rules that hold at every moment are checked: `apply` leaves alone what it is given, and nothing starts before
    what it has to wait for has ended.
    """

    def __init__(self, process: Process, answer: Callable[[Job, Task], Outcome], job: Job | None = None, chance: float = 0.5) -> None:
        self.process, self.answer, self.chance = process, answer, chance
        self.job = job or new_job(process, "key", "uuid", b"payload", DEADLINE_MS)
        self.now_ms = BEGIN_MS
        self.under_way: list[str] = []
        self.delayed: dict[str, int] = {}
        self.called: list[str] = []
        self.commits: list[tuple[Job, list[Change]]] = []

    @classmethod
    def planned(cls, process: Process, *plans: Plan, **options: Any) -> "Run":
        """A run in which each of the process's activities replies as its plan says."""
        return cls(process, lambda job, task: outcome(plan_of(plans, job, task), task.attempts), **options)

    def start(self) -> "Run":
        """Take the job up; a restored one is running already."""
        self.happened(*([JobStarted()] if self.job.status is Status.SCHEDULED else []))
        return self

    def happened(self, *events: Event) -> None:
        """Apply, then decide and enact until nothing is left to decide, as one commit."""
        changes: list[Change] = []
        due: Sequence[Event] = events or self._decisions()
        while due:
            for event in due:
                changes += self._apply(event)
            due = self._decisions()
        self.commits.append((self.job, changes))

    def reply(self, task: str) -> None:
        """The task's call comes back."""
        self.under_way.remove(task)
        self.happened(TaskReplied(task, self.answer(self.job, self.job.tasks[task])))

    def step(self, pick: Callable[[Sequence[str]], str]) -> bool:
        """One of the calls under way comes back, else the next delay is over; False at the end."""
        if self.job.status is not Status.RUNNING:
            return False
        if self.under_way:
            self.reply(pick(sorted(self.under_way)))
        else:
            assert self.delayed, "the job hangs: no call is under way, nothing is delayed, and it has not ended"
            task = min(self.delayed, key=lambda name: (self.delayed[name], name))
            self.now_ms = max(self.now_ms, self.delayed.pop(task))
            self.happened(TaskDue(task))
        return True

    def to_the_end(self, pick: Callable[[Sequence[str]], str] = min) -> "Run":
        """Step until the job has ended, which it does."""
        steps = 0
        while self.step(pick):
            steps += 1
            assert steps < 10_000, "the job does not end"
        return self

    def statuses(self) -> dict[str, str]:
        """Each task's status."""
        return {name: task.status.value for name, task in self.job.tasks.items()}

    def _decisions(self) -> list[Event]:
        return decide(self.process, self.job, self.now_ms, self.chance)

    def _apply(self, event: Event) -> list[Change]:
        before, copy = self.job, self.job._replace(tasks=dict(self.job.tasks))
        self.job, changes = apply(before, event)
        assert before == copy
        if isinstance(event, TaskCalled):
            self._check_order(event.task)
            self.called.append(event.task)
            self.under_way.append(event.task)
        elif isinstance(event, TaskDelayed):
            self.delayed[event.task] = event.until_ms
        return changes

    def _check_order(self, name: str) -> None:
        for earlier in self._predecessors(self.job.tasks[name]):
            assert {task.status for task in branch(self.job, earlier)} <= set(ENDED)

    def _predecessors(self, task: Task) -> Sequence[str]:
        parent = self.job.tasks[task.parent] if task.parent else None
        if parent is None:
            return task.activity.after
        assert parent.output
        assert parent.output.growth
        siblings = [other.name for other in self.job.tasks.values() if other.parent == task.parent]
        return [] if parent.output.growth.parallel else siblings[: siblings.index(task.name)]
