"""What holds for every job, whatever its services reply and in whatever order."""

from collections import Counter
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from cameron.core.process import Activity, Limits
from cameron.core.status import Status

from .plans import plans, static
from .run import ENDED, Plan, Run, process, size

ORDERS = st.randoms(use_true_random=False)
SUCCESS = st.just("")
GRAPHS = static().flatmap(lambda activities: st.tuples(st.just(activities), st.tuples(*[plans() for _ in activities])))
Graph = tuple[tuple[Activity, ...], tuple[Plan, ...]]


@given(GRAPHS, ORDERS)
@settings(max_examples=40)
def test_every_job_ends_with_nothing_under_way(graph: Graph, order: Random) -> None:
    activities, planned = graph
    run = Run.planned(process(*activities), *planned).start().to_the_end(order.choice)
    assert run.job.status in ENDED
    assert (run.job.pending, run.job.running, run.under_way) == ({}, 0, [])
    assert not [task.name for task in run.job.tasks.values() if task.status is Status.RUNNING]


@given(GRAPHS, ORDERS)
@settings(max_examples=40)
def test_a_job_fails_only_by_a_required_activity_and_else_every_task_of_it_ends(graph: Graph, order: Random) -> None:
    activities, planned = graph
    run = Run.planned(process(*activities), *planned).start().to_the_end(order.choice)
    failed = [task for task in run.job.tasks.values() if task.status is Status.ERROR and task.activity.required]
    assert (run.job.status is Status.ERROR) == bool(failed)
    if not failed:
        assert {task.status for task in run.job.tasks.values()} <= set(ENDED)


@given(plans(SUCCESS), ORDERS)
def test_without_failures_every_task_is_called_exactly_once(plan: Plan, order: Random) -> None:
    run = Run.planned(process(), plan).start().to_the_end(order.choice)
    assert Counter(run.called) == Counter(dict.fromkeys(run.job.tasks, 1))
    assert len(run.job.tasks) == size(plan)
    assert run.job.status is Status.DONE


@given(GRAPHS, ORDERS)
@settings(max_examples=40)
def test_no_task_is_tried_more_often_than_its_policy_allows(graph: Graph, order: Random) -> None:
    activities, planned = graph
    run = Run.planned(process(*activities), *planned).start().to_the_end(order.choice)
    for name, times in Counter(run.called).items():
        task = run.job.tasks[name]
        assert times == task.attempts <= task.activity.retry.attempts


@given(plans(), ORDERS)
def test_names_are_those_replied_numbered_in_order_of_discovery(plan: Plan, order: Random) -> None:
    run = Run.planned(process(), plan).start().to_the_end(order.choice)
    taken: Counter[str] = Counter()
    for name, task in run.job.tasks.items():
        wanted = task.activity.name
        taken[wanted] += 1
        assert name == (wanted if taken[wanted] == 1 else f"{wanted}#{taken[wanted]}")


@given(plans(), st.integers(1, 12), st.integers(1, 4), st.integers(0, 200), ORDERS)
def test_no_job_grows_above_its_limits(plan: Plan, max_tasks: int, max_depth: int, max_stored: int, order: Random) -> None:
    limits = Limits(max_tasks=max_tasks, max_depth=max_depth, max_stored_bytes=max_stored)
    run = Run.planned(process(limits=limits), plan).start().to_the_end(order.choice)
    assert run.job.status is Status.DONE
    assert len(run.job.tasks) <= max_tasks
    assert max(task.depth for task in run.job.tasks.values()) <= max_depth
    assert sum(len(task.output.data + task.output.growth_text) for task in run.job.tasks.values() if task.output) <= max_stored


@given(GRAPHS, ORDERS)
@settings(max_examples=40)
def test_counts_agree_with_the_tasks_at_every_moment(graph: Graph, order: Random) -> None:
    activities, planned = graph
    run = Run.planned(process(*activities), *planned).start().to_the_end(order.choice)
    for job, _ in run.commits[:-1]:  # the last one has ended the job
        statuses = Counter(task.status for task in job.tasks.values())
        assert job.open == statuses[Status.SCHEDULED] + statuses[Status.RUNNING]
        assert job.running == statuses[Status.RUNNING]
