"""Jobs that run without a node and are written as they run: what Redis would hold of them, and what is rebuilt from that."""

import json
from collections.abc import Iterable
from random import Random
from typing import Any, NamedTuple

from hypothesis import strategies as st

from cameron.core.event import Change, Outcome
from cameron.core.job import Job, Task, new_job
from cameron.core.process import Activity, Process
from cameron.core.status import Status
from cameron.definitions.cameron import CameronDialect
from cameron.definitions.dialect import JobRequest
from cameron.definitions.settings import Settings

from ..core.plans import plans, static
from ..core.run import DEADLINE_MS, Plan, Run, path, plan_of, process

DIALECT = CameronDialect(Settings())
STAMP = "11-20-2026 22:38:00"


class Reply(NamedTuple):
    """What came of a call."""

    body: bytes = b'{"data": null}'
    status: int = 200
    retry_after: str = ""
    failure: str | None = None
    error: str = ""
    stderr: bytes = b""
    is_callback: bool = False
    is_cut: bool = False


def replied(plan: Plan, job: Job, task: Task) -> Outcome:
    """The planned outcome, by way of the dialect: so it is one that a service can bring about."""
    if plan.failure and task.attempts <= plan.failures:
        status = int(plan.failure[5:]) if plan.failure.startswith("http_") else 0
        return DIALECT.outcome(
            job, task, Reply(b"no", status, failure=None if status else plan.failure, error=f"it was {plan.failure}, ähm")
        )
    definitions = [{"name": name, "url": f"http://service/{name}"} for name, _ in plan.children]
    said: dict[str, Any] = {"name": f"reply of {task.name}", "data": {"at": path(job, task), "ä": [1.0]}}
    if definitions:
        said["next_activities"] = {"parallelizable": "yes" if plan.parallel else "no", "definitions": definitions}
    return DIALECT.outcome(job, task, Reply(json.dumps(said).encode()))


def run_of(of: Process, planned: tuple[Plan, ...], job: Job | None = None) -> Run:
    """A run whose replies come through the dialect."""
    return Run(of, lambda job, task: replied(plan_of(planned, job, task), job, task), job, chance=0.0)


class Store:
    """What Redis would hold of a job: its hash, its record, its error keys."""

    def __init__(self) -> None:
        self.fields = dict(pairs(DIALECT.layout.accepted(JobRequest("key", "data", "me", b"payload"), STAMP)))
        self.record: dict[str, str] = {}
        self.errors: dict[str, str] = {}

    def write(self, job: Job, changes: list[Change]) -> None:
        """As the scripts `transition`, `end` and `revive` do."""
        writes = DIALECT.layout.writes(job, changes, STAMP)
        self.fields.update(pairs(writes.fields))
        self.record.update(pairs(writes.record))
        self.errors.update(writes.errors)
        removed = (self.fields, writes.removed_fields), (self.record, writes.removed_record), (self.errors, writes.removed_errors)
        for held, names in removed:
            for name in names:
                held.pop(name, None)

    def restored(self, of: Process) -> Job:
        """The job rebuilt from what is stored."""
        return DIALECT.layout.restore(new_job(of, "key", "uuid", b"payload", DEADLINE_MS), self.fields, self.record)


def pairs(flat: list[str]) -> Iterable[tuple[str, str]]:
    """Fields and values in turn as pairs; all are text."""
    assert all(isinstance(text, str) for text in flat)
    return zip(flat[::2], flat[1::2], strict=True)


def stored(run: Run) -> Store:
    """All that the run has committed so far."""
    store = Store()
    for job, changes in run.commits:
        store.write(job, changes)
    return store


def lasting(job: Job) -> dict[str, Any]:
    """What of a job a rebuild has to bring back: all but what only counts while it is decided (and attempts of what has ended)."""
    return {
        task.name: task._replace(
            attempts=task.attempts if task.status is Status.RUNNING else 0,
            failures=task.failures if task.status is Status.RUNNING else 0,
            until_ms=task.until_ms if task.status is Status.RUNNING else 0,
            output=task.output._replace(names=None) if task.output else None,
        )
        for task in job.tasks.values()
    }


def by_place(job: Job) -> dict[tuple[int, ...], tuple[str, str]]:
    """Each task's activity and status by its place in the graph: names are numbered in order of discovery, which replies may change."""
    return {path(job, task): (task.activity.name, task.status.value) for task in job.tasks.values()}


ORDERS = st.builds(Random, st.integers(0, 1 << 16))
Graph = tuple[tuple[Activity, ...], tuple[Plan, ...]]
GRAPHS = static(at_most_once=False).flatmap(lambda activities: st.tuples(st.just(activities), st.tuples(*[plans() for _ in activities])))


def part_way(graph: Graph, order: Random, steps: int) -> Run:
    """A run of the graph after so many steps; where it takes fewer, `steps` counts on from its beginning."""
    activities, planned = graph
    begin = order.getstate()
    whole = run_of(process(*activities), planned).start().to_the_end(order.choice)
    order.setstate(begin)
    run = run_of(process(*activities), planned).start()
    for _ in range(steps % (len(whole.commits) - 1)):
        run.step(order.choice)
    return run
