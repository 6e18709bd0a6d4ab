"""The documented hash: what is written when, what is shown of it, and a rebuild from it at any moment of any job."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cameron.core.event import (
    Awaited,
    Event,
    JobEnded,
    JobStarted,
    TaskCalled,
    TaskDelayed,
    TaskReplied,
    TaskSkipped,
    TaskWaits,
)
from cameron.core.job import Job, apply, new_job
from cameron.core.process import Process
from cameron.core.status import Status

from ..core.run import DEADLINE_MS, Plan, activity, process
from .written import DIALECT, GRAPHS, ORDERS, STAMP, Graph, Store, by_place, lasting, pairs, part_way, run_of, stored

# what waits, and what is skipped


def chain(*names: str) -> Process:
    """A process of activities one after another."""
    return process(*(activity(name, after=names[at - 1 : at] if at else ()) for at, name in enumerate(names)))


def happened(of: Process, *events: Event) -> tuple[Job, Store]:
    """A job to which that has happened, and what would have been written, each event for itself."""
    job, store = new_job(of, "key", "uuid", b"payload", DEADLINE_MS), Store()
    for event in (JobStarted(), *events):
        job, changes = apply(job, event)
        store.write(job, changes)
    return job, store


@pytest.mark.parametrize("awaited", [Awaited(2.5, callback=True), Awaited(86_400, callback=False)])
def test_a_task_that_waits_is_rebuilt_as_it_waited(awaited: Awaited) -> None:
    of = process(activity("start", callback_s=60))
    job, store = happened(of, TaskCalled("start"), TaskReplied("start", awaited), TaskWaits("start", 7))
    task = store.restored(of).tasks["start"]
    assert (task.awaited, task.until_ms, task.attempts, task.status) == (awaited, 7, 1, Status.RUNNING)
    store.write(*apply(job, TaskDelayed("start", 9)))
    assert store.restored(of).tasks["start"].awaited is None


def test_a_skipped_task_is_rebuilt_as_skipped_and_shown_with_its_reason() -> None:
    of = chain("a", "b")
    job, store = happened(of, TaskSkipped("a", "there is no a"), TaskCalled("b"))
    assert store.fields["task.a.status.current"] == "skipped"
    assert "task.a.status.running.time" not in store.fields
    rebuilt = store.restored(of)
    assert (rebuilt.tasks["a"], rebuilt.open) == (job.tasks["a"], 1)
    shown = json.loads(DIALECT.show("foo", "key", "uuid", store.fields, {}))
    assert shown["tasks"][0] == {"name": "a", "status": {"current": "skipped", "time": STAMP}, "data": "there is no a"}


def test_what_a_call_wants_kept_is_in_the_record_and_not_in_the_hash() -> None:
    of = process()
    _, store = happened(of, TaskCalled("start", "PUT http://x"))
    assert store.record == {"task.start.note": "PUT http://x"}
    assert store.restored(of).tasks["start"].note == "PUT http://x"


# the rebuild


def lasting_failures(plan: Plan) -> Plan:
    """The plan with failures that no number of attempts mends, as a rebuild may make one more."""
    return plan._replace(failures=1_000_000, children=tuple((name, lasting_failures(child)) for name, child in plan.children))


@given(GRAPHS, ORDERS, st.integers(0, 100))
@settings(max_examples=60)
def test_a_rebuilt_job_is_the_one_that_was_written(graph: Graph, order: Random, steps: int) -> None:
    run = part_way(graph, order, steps)
    job, rebuilt = run.job, stored(run).restored(run.process)
    assert list(rebuilt.tasks) == list(job.tasks)
    assert lasting(rebuilt) == lasting(job)
    assert rebuilt._replace(tasks={}, pending={}) == job._replace(tasks={}, pending={})
    running = {task.name for task in job.tasks.values() if task.status is Status.RUNNING}
    assert set(rebuilt.pending) == {*job.pending, *running}


@given(GRAPHS, ORDERS, st.integers(0, 100))
@settings(max_examples=60)
def test_a_rebuilt_job_calls_again_what_was_called_and_nothing_else(graph: Graph, order: Random, steps: int) -> None:
    run = part_way(graph, order, steps)
    rebuilt = run_of(run.process, graph[1], stored(run).restored(run.process)).start()
    assert {*rebuilt.under_way, *rebuilt.delayed} == {*run.under_way, *run.delayed}
    assert set(rebuilt.under_way) >= set(run.under_way)


@given(GRAPHS, ORDERS, st.integers(0, 100), st.integers(0, 5))
@settings(max_examples=50)
def test_a_rebuilt_job_ends_the_same_way_even_if_it_is_rebuilt_again(graph: Graph, order: Random, steps: int, more: int) -> None:
    activities, planned = graph[0], tuple(map(lasting_failures, graph[1]))
    run = part_way((activities, planned), order, steps)
    store = stored(run)
    rebuilt = run_of(run.process, planned, store.restored(run.process)).start()
    for _ in range(more):
        rebuilt.step(order.choice)
    if rebuilt.job.status is Status.RUNNING:
        for job, changes in rebuilt.commits:
            store.write(job, changes)
        rebuilt = run_of(run.process, planned, store.restored(run.process)).start()
    rebuilt.to_the_end(order.choice)
    run.to_the_end(order.choice)
    assert rebuilt.job.status == run.job.status
    if not any(activity.required for activity in activities):  # else it is a question of order what has begun when the job fails
        assert by_place(rebuilt.job) == by_place(run.job)


def test_tasks_keep_the_names_that_they_were_given_whatever_order_they_are_rebuilt_in() -> None:
    grown = Plan(children=(("x", Plan(children=(("y", Plan()),))),))
    of, planned = process(), (Plan(children=(("a", grown), ("b", grown))),)
    run = run_of(of, planned).start()
    for name in ("start", "b", "x", "a"):  # b's child is discovered before a's
        run.reply(name)
    assert list(run.job.tasks) == ["start", "a", "b", "x", "y", "x#2"]
    rebuilt = stored(run).restored(of)
    assert [(name, task.parent) for name, task in rebuilt.tasks.items()] == [(name, task.parent) for name, task in run.job.tasks.items()]
    assert rebuilt.tasks["x"].parent == "b"


def test_a_job_that_was_only_accepted_is_rebuilt_as_new() -> None:
    of = process()
    assert Store().restored(of) == new_job(of, "key", "uuid", b"payload", DEADLINE_MS)


def test_a_delayed_task_keeps_its_time_and_its_attempts() -> None:
    run = run_of(process(), (Plan("refused"),))
    run.chance = 0.5
    run.start().reply("start")
    store = stored(run)
    assert store.record == {"task.start.attempts": "1", "task.start.until": str(run.now_ms + 250), "task.start.failures": "1"}
    again = run_of(run.process, (Plan("refused"),), store.restored(run.process)).start()
    assert (again.under_way, again.delayed) == ([], {"start": run.now_ms + 250})
    assert again.job.tasks["start"].attempts == 1


# what is written


def test_a_job_taken_up_writes_its_tasks_and_its_first_call() -> None:
    run = run_of(process(), (Plan(),)).start()
    assert dict(pairs(DIALECT.layout.writes(*run.commits[0], STAMP).fields)) == {
        "job.status.current": "running",
        "job.status.running.time": STAMP,
        "job.tasks": "start",
        "task.start.status.current": "running",
        "task.start.status.running.time": STAMP,
    }


def test_a_reply_is_written_with_all_that_it_starts() -> None:
    run = run_of(process(), (Plan(children=(("a", Plan()), ("a", Plan()))),)).start()
    run.reply("start")
    writes = DIALECT.layout.writes(*run.commits[1], STAMP)
    definitions = '[{"name":"a","url":"http://service/a"},{"name":"a","url":"http://service/a"}]'
    assert dict(pairs(writes.fields)) == {
        "task.start.status.current": "done",
        "task.start.status.done.time": STAMP,
        "task.start.output.data": '{"at":[0],"ä":[1.0]}',
        "task.start.output.next_activities": f'{{"parallelizable":"yes","definitions":{definitions}}}',
        "job.tasks": "start,a,a#2",
        "task.a.status.current": "running",
        "task.a.status.running.time": STAMP,
        "task.a#2.status.current": "running",
        "task.a#2.status.running.time": STAMP,
    }
    assert dict(pairs(writes.record)) == {"task.start.next": '["reply of start",["a","a#2"]]'}
    assert writes.errors == []


def test_a_failure_is_written_as_the_tasks_output_and_as_a_text_of_its_own() -> None:
    run = run_of(process(), (Plan("timeout"),)).start()
    run.reply("start")
    writes = DIALECT.layout.writes(*run.commits[1], STAMP)
    assert dict(pairs(writes.fields)) == {
        "task.start.status.current": "error",
        "task.start.status.error.time": STAMP,
        "task.start.output.data": "it was timeout, ähm",
        "job.status.current": "done",
        "job.status.done.time": STAMP,
    }
    assert writes.errors == [("start", "it was timeout, ähm")]


def test_a_cancelled_job_marks_its_running_tasks() -> None:
    run = run_of(process(), (Plan(),)).start()
    run.happened(JobEnded(Status.CANCELLED, "cancelled"))
    store = stored(run)
    assert (store.fields["job.status.current"], store.fields["job.status.cancelled.time"]) == ("cancelled", STAMP)
    assert (store.fields["task.start.status.current"], store.fields["task.start.output.data"]) == ("error", "cancelled")
    assert store.errors == {"start": "cancelled"}


def test_a_finished_job_of_seven_tasks_has_43_fields_which_are_86_lines() -> None:
    acts = tuple((f"act_{number}", Plan(children=(("act_5_sub_1", Plan()),) if number == 5 else ())) for number in range(1, 6))
    store = stored(run_of(process(), (Plan(children=acts),)).start().to_the_end())
    assert len(store.fields) == 43
    assert store.fields["job.tasks"] == "start,act_1,act_2,act_3,act_4,act_5,act_5_sub_1"
    assert sorted(field for field in store.fields if field.startswith(("job.", "task.act_5."))) == [
        "job.data",
        "job.key",
        "job.requestor",
        "job.status.current",
        "job.status.done.time",
        "job.status.running.time",
        "job.status.scheduled.time",
        "job.tasks",
        "task.act_5.output.data",
        "task.act_5.output.next_activities",
        "task.act_5.status.current",
        "task.act_5.status.done.time",
        "task.act_5.status.running.time",
    ]


@given(GRAPHS, ORDERS)
@settings(max_examples=40)
def test_the_hash_holds_documented_fields_alone(graph: Graph, order: Random) -> None:
    activities, planned = graph
    run = run_of(process(*activities), planned).start().to_the_end(order.choice)
    store = stored(run)
    statuses = ("scheduled", "running", "done", "error")
    known = {
        "job.key",
        "job.data",
        "job.requestor",
        "job.tasks",
        "job.status.current",
        *(f"job.status.{status}.time" for status in statuses),
    }
    for name in run.job.tasks:
        known |= {f"task.{name}.output.data", f"task.{name}.output.next_activities", f"task.{name}.status.current"}
        known |= {f"task.{name}.status.{status}.time" for status in statuses[1:]}
    assert set(store.fields) <= known
    assert store.fields["job.tasks"] == ",".join(run.job.tasks)
    assert store.fields["job.status.current"] == run.job.status
    assert store.errors == {name: task.error for name, task in run.job.tasks.items() if task.status is Status.ERROR}


# what is shown


def shown(store: Store) -> Any:
    """The document, read."""
    return json.loads(DIALECT.show("foo", "ke/y ä", "uuid", store.fields, {}))


def test_an_accepted_job_is_shown_as_scheduled_without_tasks() -> None:
    document = shown(Store())
    assert list(document)[:6] == ["process", "uuid", "key", "requestor", "status", "tasks"]
    assert document == {
        "process": "foo",
        "uuid": "uuid",
        "key": "ke/y ä",
        "requestor": "me",
        "status": {"current": "scheduled", "time": STAMP},
        "tasks": [],
    }


def test_tasks_are_shown_in_order_of_discovery_also_those_that_have_not_begun() -> None:
    run = run_of(process(), (Plan(parallel=False, children=(("b", Plan("timeout")), ("a", Plan()))),)).start()
    run.reply("start")
    assert shown(stored(run))["tasks"] == [
        {"name": "start", "status": {"current": "done", "time": STAMP}, "data": {"at": [0], "ä": [1.0]}},
        {"name": "b", "status": {"current": "running", "time": STAMP}, "data": None},
        {"name": "a", "status": {"current": "scheduled", "time": None}, "data": None},
    ]
    run.reply("b")
    assert shown(stored(run))["tasks"][1] == {"name": "b", "status": {"current": "error", "time": STAMP}, "data": "it was timeout, ähm"}


def test_an_errors_text_that_happens_to_be_json_is_shown_as_text() -> None:
    store = Store()
    store.fields |= {"job.tasks": "start", "task.start.status.current": "error", "task.start.output.data": '{"a":1}'}
    assert shown(store)["tasks"][0]["data"] == '{"a":1}'


def test_what_an_operator_wrote_into_the_hash_is_shown_as_text_where_it_is_no_json() -> None:
    store = Store()
    store.fields |= {"job.tasks": "a,b", "task.a.status.current": "done", "task.a.output.data": "NaN", "task.b.output.data": "it's"}
    assert [task["data"] for task in shown(store)["tasks"]] == ["NaN", "it's"]
