"""A finished job that is retried: as its keys have it, and as it then goes on, whatever had failed in it."""

from collections import Counter
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from cameron.core.event import JobEnded, JobRetried, TaskInterrupted
from cameron.core.job import Job, apply, suspicion
from cameron.core.process import Process
from cameron.core.status import Status

from ..core.run import Plan, Run, activity, process
from .written import GRAPHS, ORDERS, Graph, Store, by_place, part_way, run_of, stored


def ended(graph: Graph, order: Random, cancelled_after: int | None = None) -> Run:
    """A run that has ended, by itself or cancelled in the midst of it."""
    if cancelled_after is None:
        return run_of(process(*graph[0]), graph[1]).start().to_the_end(order.choice)
    run = part_way(graph, order, cancelled_after)
    run.happened(JobEnded(Status.CANCELLED, "cancelled"))
    return run


def retried(store: Store, of: Process) -> Job:
    """The job as a node finds it that takes it up after the retry; who retries it reads it whole from what is stored."""
    store.write(*apply(store.restored(of), JobRetried()))
    return store.restored(of)


def mended(plan: Plan) -> Plan:
    """The plan without failures."""
    return plan._replace(failure="", children=tuple((name, mended(child)) for name, child in plan.children))


def check_counts(run: Run) -> None:
    """As for every job, see test_properties."""
    for job, _ in run.commits[:-1]:
        statuses = Counter(task.status for task in job.tasks.values())
        assert (job.open, job.running) == (statuses[Status.SCHEDULED] + statuses[Status.RUNNING], statuses[Status.RUNNING])


ENDS = st.none() | st.integers(0, 100)  # by itself, or cancelled after so many steps


@given(GRAPHS, ORDERS, ENDS)
@settings(max_examples=100)
def test_a_retried_job_calls_once_what_has_failed_and_what_had_not_begun_and_nothing_that_is_done(
    graph: Graph, order: Random, cancelled_after: int | None
) -> None:
    first = ended(graph, order, cancelled_after)
    store = stored(first)
    again = run_of(first.process, tuple(map(mended, graph[1])), retried(store, first.process)).start().to_the_end(order.choice)
    before = first.statuses()
    done = {name for name, status in before.items() if status == Status.DONE}
    assert Counter(again.called) == Counter(dict.fromkeys(again.job.tasks.keys() - done, 1))
    assert set(again.statuses().values()) == {"done"}
    assert again.job.status is Status.DONE
    check_counts(again)


@given(GRAPHS, ORDERS, ENDS)
@settings(max_examples=60)
def test_a_retried_job_keeps_all_names_and_ends_with_a_record_as_if_nothing_had_ever_failed(
    graph: Graph, order: Random, cancelled_after: int | None
) -> None:
    first = ended(graph, order, cancelled_after)
    store, planned = stored(first), tuple(map(mended, graph[1]))
    again = run_of(first.process, planned, retried(store, first.process)).start().to_the_end(order.choice)
    for job, changes in again.commits:
        store.write(job, changes)
    names = store.fields["job.tasks"].split(",")
    assert names[: len(first.job.tasks)] == list(first.job.tasks)
    assert len(set(names)) == len(names)
    assert [task.parent for task in again.job.tasks.values()][: len(first.job.tasks)] == [task.parent for task in first.job.tasks.values()]
    assert store.errors == {}
    assert not [field for field in store.fields if ".error." in field and field.startswith("task.")]
    flawless = run_of(first.process, planned).start().to_the_end(order.choice)
    assert by_place(again.job) == by_place(flawless.job)


@given(GRAPHS, ORDERS, ENDS, ENDS)
@settings(max_examples=60)
def test_a_job_may_be_retried_again_and_again(graph: Graph, order: Random, once: int | None, twice: int | None) -> None:
    first = ended(graph, order, once)
    store = stored(first)
    second = run_of(first.process, graph[1], retried(store, first.process)).start()
    for _ in range(twice or 1000):
        second.step(order.choice)
    if second.job.status is Status.RUNNING:
        second.happened(JobEnded(Status.CANCELLED, "cancelled"))
    for job, changes in second.commits:
        store.write(job, changes)
    done = {name for name, status in second.statuses().items() if status == Status.DONE}
    third = run_of(first.process, tuple(map(mended, graph[1])), retried(store, first.process)).start().to_the_end(order.choice)
    assert Counter(third.called) == Counter(dict.fromkeys(third.job.tasks.keys() - done, 1))
    assert set(third.statuses().values()) == {"done"}
    check_counts(third)


@given(GRAPHS, ORDERS, ENDS, st.integers(0, 20))
@settings(max_examples=60)
def test_a_retried_job_that_is_rebuilt_in_the_midst_calls_again_what_was_called_and_ends_well(
    graph: Graph, order: Random, cancelled_after: int | None, steps: int
) -> None:
    first = ended(graph, order, cancelled_after)
    store, planned = stored(first), tuple(map(mended, graph[1]))
    again = run_of(first.process, planned, retried(store, first.process)).start()
    for _ in range(steps):
        again.step(order.choice)
    if again.job.status is not Status.RUNNING:
        return
    for job, changes in again.commits:
        store.write(job, changes)
    done = {name for name, status in again.statuses().items() if status == Status.DONE}
    rebuilt = run_of(first.process, planned, store.restored(first.process)).start()
    assert set(rebuilt.under_way) == set(again.under_way)
    rebuilt.to_the_end(order.choice)
    assert Counter(rebuilt.called) == Counter(dict.fromkeys(rebuilt.job.tasks.keys() - done, 1))
    assert set(rebuilt.statuses().values()) == {"done"}


@given(GRAPHS, ORDERS, ENDS)
@settings(max_examples=60)
def test_a_job_that_has_ended_is_rebuilt_as_ended(graph: Graph, order: Random, cancelled_after: int | None) -> None:
    run = ended(graph, order, cancelled_after)
    rebuilt = stored(run).restored(run.process)
    assert (rebuilt.status, rebuilt.pending, rebuilt.running) == (run.job.status, {}, 0)
    assert list(rebuilt.tasks) == list(run.job.tasks)
    told = {name: (task.status, task.error, task.parent) for name, task in rebuilt.tasks.items()}
    assert told == {name: (task.status, task.error, task.parent) for name, task in run.job.tasks.items()}


def test_a_retry_takes_away_all_that_is_said_of_a_failed_task_and_leaves_the_others() -> None:
    run = run_of(process(activity("a"), activity("b")), (Plan("timeout"), Plan())).start()
    run.under_way.remove("a")
    run.happened(TaskInterrupted("a"))
    run.to_the_end()
    store = stored(run)
    assert (store.errors, store.record["task.a.crashes"]) == ({"a": "it was timeout, ähm (2 attempts)"}, "1")
    before = dict(store.fields)
    job = retried(store, run.process)
    assert store.errors == {}
    assert [field for field in (*store.fields, *store.record) if field.startswith("task.a.")] == []
    assert {field for field, text in before.items() if store.fields.get(field) != text and not field.startswith("task.a.")} == {
        "job.status.current"
    }
    assert store.fields["job.status.current"] == "scheduled"
    assert {name: (task.status, task.attempts, task.crashes, task.error) for name, task in job.tasks.items()} == {
        "a": (Status.SCHEDULED, 0, 0, ""),
        "b": (Status.DONE, 1, 0, ""),
    }


def test_what_comes_one_after_another_comes_so_when_it_is_retried() -> None:
    chain = Plan(parallel=False, children=(("x", Plan("timeout")), ("y", Plan()), ("z", Plan("timeout"))))
    run = run_of(process(), (chain,)).start().to_the_end()
    assert run.statuses() == {"start": "done", "x": "error", "y": "done", "z": "error"}
    again = run_of(run.process, (mended(chain),), retried(stored(run), run.process)).start()
    assert again.under_way == ["x"]
    again.reply("x")
    assert again.under_way == ["z"]


def test_what_grew_from_a_task_that_is_done_waits_for_what_that_one_came_after_when_both_are_retried() -> None:
    deep = Plan(children=(("b", Plan(children=(("c", Plan("timeout")),))),))
    chain = Plan(parallel=False, children=(("x", Plan("timeout")), ("y", deep), ("z", Plan("timeout"))))
    run = run_of(process(), (chain,)).start().to_the_end()
    assert run.statuses() == {"start": "done", "x": "error", "y": "done", "b": "done", "c": "error", "z": "error"}
    again = run_of(run.process, (mended(chain),), retried(stored(run), run.process)).start()
    for name in ("x", "c", "z"):
        assert again.under_way == [name]
        again.reply(name)
    assert again.job.status is Status.DONE


# crashes


def test_a_tasks_crashes_are_recorded_and_rebuilt() -> None:
    run = run_of(process(), (Plan(),)).start()
    store = stored(run)
    for crashes in (1, 2):
        run = run_of(run.process, (Plan(),), store.restored(run.process))
        run.happened(TaskInterrupted("start"))
        for job, changes in run.commits:
            store.write(job, changes)
        assert store.record["task.start.crashes"] == str(crashes)
        assert suspicion(store.restored(run.process)) == crashes
