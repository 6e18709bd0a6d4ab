"""What may follow what in a job, and how its graph grows."""

import pytest

from cameron.core.event import (
    Event,
    Failure,
    Growth,
    JobChanged,
    JobEnded,
    JobRetried,
    JobStarted,
    Success,
    TaskBegun,
    TaskCalled,
    TaskChanged,
    TaskDelayed,
    TaskDue,
    TaskFailed,
    TaskInterrupted,
    TaskReplied,
    TasksDiscovered,
    TaskTried,
)
from cameron.core.job import Job, apply, new_job, suspicion
from cameron.core.process import Limits
from cameron.core.status import LEGAL, IllegalTransition, Status

from .run import DEADLINE_MS, Plan, Run, activity, process

SUCCESS = Success('"data"', None, "undefined")
REFUSED = Failure("refused", "connection refused")


def job_after(*events: Event, of: Job | None = None) -> Job:
    """The job of one activity, `start`, after these events."""
    job = of or new_job(process(), "key", "uuid", b"payload", DEADLINE_MS)
    for event in events:
        job, _ = apply(job, event)
    return job


STARTED, CALLED = JobStarted(), TaskCalled("start")
TASKS = {  # a task in each status it can be in
    Status.SCHEDULED: (STARTED,),
    Status.RUNNING: (STARTED, CALLED),
    Status.DONE: (STARTED, CALLED, TaskReplied("start", SUCCESS)),
    Status.ERROR: (STARTED, CALLED, TaskFailed("start", "it failed")),
}
JOBS = {  # a job in each status it can be in
    Status.SCHEDULED: (),
    Status.RUNNING: (STARTED,),
    Status.DONE: (STARTED, JobEnded(Status.DONE)),
    Status.ERROR: (STARTED, JobEnded(Status.ERROR)),
    Status.CANCELLED: (STARTED, JobEnded(Status.CANCELLED)),
}


def test_the_legal_states_are_those_of_the_design() -> None:
    assert {old.value: {new.value for new in following} for old, following in LEGAL.items()} == {
        "scheduled": {"running", "skipped", "error", "cancelled"},
        "running": {"done", "error", "cancelled"},
        "done": {"scheduled"},  # by a retry, as the two below
        "error": {"scheduled"},
        "cancelled": {"scheduled"},
        "skipped": set(),
    }


@pytest.mark.parametrize("old", JOBS)
@pytest.mark.parametrize("new", list(Status))
def test_a_job_changes_its_status_as_the_table_allows_and_else_not_at_all(old: Status, new: Status) -> None:
    events: dict[Status, Event] = {Status.SCHEDULED: JobRetried(), Status.RUNNING: JobStarted()}
    job, event = job_after(*JOBS[old]), events.get(new, JobEnded(new))
    if new in LEGAL[old]:
        after, changes = apply(job, event)
        assert (after.status, changes[-1]) == (new, JobChanged(new))
    else:
        with pytest.raises(IllegalTransition):
            apply(job, event)


ILLEGAL: list[tuple[Status, Event]] = [
    (Status.SCHEDULED, TaskReplied("start", SUCCESS)),
    (Status.SCHEDULED, TaskReplied("start", REFUSED)),
    (Status.SCHEDULED, TaskDelayed("start", 5)),
    (Status.SCHEDULED, TaskDue("start")),
    (Status.SCHEDULED, TaskInterrupted("start")),
    (Status.SCHEDULED, TaskBegun("start")),
    *((ended, event) for ended in (Status.DONE, Status.ERROR) for event in (CALLED, TaskFailed("start", "no"), TaskDelayed("start", 5))),
    *(
        (ended, event)
        for ended in (Status.DONE, Status.ERROR)
        for event in (TaskDue("start"), TaskInterrupted("start"), TaskBegun("start"))
    ),
    *((ended, TaskReplied("start", REFUSED)) for ended in (Status.DONE, Status.ERROR)),
    *((ended, TaskReplied("start", SUCCESS)) for ended in (Status.DONE, Status.ERROR)),
]


@pytest.mark.parametrize(("status", "event"), ILLEGAL)
def test_an_event_that_cannot_follow_what_has_happened_to_a_task_is_refused(status: Status, event: Event) -> None:
    job = job_after(*TASKS[status])
    assert job.tasks["start"].status is status
    with pytest.raises(IllegalTransition):
        apply(job, event)


def test_what_is_no_event_is_refused() -> None:
    with pytest.raises(TypeError):
        apply(job_after(), "start")  # type: ignore[arg-type]


def test_a_new_job_has_its_definitions_activities_as_tasks_and_decides_about_those_that_wait_for_nothing() -> None:
    job = new_job(process(activity("a"), activity("b", after=("a",)), activity("c")), "key", "uuid", b"payload", DEADLINE_MS)
    assert list(job.tasks) == ["a", "b", "c"]
    assert list(job.pending) == ["a", "c"]
    assert (job.status, job.open, job.running, job.tasks["b"].waits_for) == (Status.SCHEDULED, 3, 0, 1)
    assert {task.payload for task in job.tasks.values()} == {b"payload"}


def test_a_task_is_running_from_its_first_call_and_only_counts_the_others() -> None:
    job, first = apply(job_after(STARTED), CALLED)
    job, again = apply(job, CALLED)
    assert (first, again) == ([TaskChanged("start", Status.RUNNING)], [TaskTried("start")])
    assert (job.tasks["start"].status, job.tasks["start"].attempts, job.running) == (Status.RUNNING, 2, 1)


def test_a_failed_attempt_changes_nothing_until_it_is_decided_what_follows() -> None:
    job, changes = apply(job_after(STARTED, CALLED), TaskReplied("start", REFUSED))
    assert changes == []
    assert ([*job.pending], job.tasks["start"].status, job.tasks["start"].failure) == (["start"], Status.RUNNING, REFUSED)


def test_a_delay_is_a_change_and_the_task_pends_again_when_it_is_over() -> None:
    job, changes = apply(job_after(STARTED, CALLED, TaskReplied("start", REFUSED)), TaskDelayed("start", 77))
    assert changes == [TaskTried("start")]
    assert (job.pending, job.tasks["start"].until_ms, job.tasks["start"].failure) == ({}, 77, None)
    assert job_after(TaskDue("start"), of=job).pending == {"start": None}
    assert job_after(TaskDue("start"), CALLED, of=job).tasks["start"].until_ms == 0


def test_a_task_that_fails_for_good_keeps_its_text() -> None:
    job, changes = apply(job_after(STARTED, CALLED), TaskFailed("start", "it failed"))
    assert changes == [TaskChanged("start", Status.ERROR)]
    assert (job.tasks["start"].error, job.open, job.running, job.failing) == ("it failed", 0, 0, False)


def test_a_reply_that_grows_is_one_change_of_the_task_and_one_discovery() -> None:
    growth = Growth((activity("a"), activity("b")), parallel=True)
    job, changes = apply(job_after(STARTED, CALLED), TaskReplied("start", Success('"data"', growth, "{}", b"child", "whois")))
    assert changes == [TaskChanged("start", Status.DONE), TasksDiscovered("start", ("a", "b"))]
    assert list(job.pending) == ["a", "b"]
    children = [job.tasks["a"], job.tasks["b"]]
    assert [(child.parent, child.depth, child.payload, child.status) for child in children] == [("start", 2, b"child", "scheduled")] * 2


# names


@pytest.mark.parametrize(
    ("replied", "given"),
    [
        (["a", "b"], ["a", "b"]),
        (["a", "a", "a"], ["a", "a#2", "a#3"]),
        (["start"], ["start#2"]),
        (["a", "start", "b", "a", "start"], ["a", "start#2", "b", "a#2", "start#3"]),
        (["A", "a", "ä"], ["A", "a", "ä"]),
    ],
)
def test_a_name_already_taken_is_numbered_in_order_of_discovery(replied: list[str], given: list[str]) -> None:
    growth = Growth(tuple(activity(name) for name in replied), parallel=True)
    job = job_after(STARTED, CALLED, TaskReplied("start", Success('"data"', growth)))
    assert list(job.tasks) == ["start", *given]


def test_a_loop_is_recorded_task_by_task() -> None:
    def loop(times: int) -> Plan:
        return Plan(children=(("start", loop(times - 1)),) if times else ())

    run = Run.planned(process(), loop(4)).start().to_the_end()
    assert run.called == ["start", "start#2", "start#3", "start#4", "start#5"]


def test_names_given_by_a_record_are_kept() -> None:
    growth = Growth((activity("a"), activity("b")), parallel=True)
    job = job_after(STARTED, CALLED, TaskReplied("start", Success('"data"', growth, names=("a#7", "b"))))
    assert list(job.tasks) == ["start", "a#7", "b"]


# the order of tasks


def test_parallel_next_activities_are_called_at_once() -> None:
    run = Run.planned(process(), Plan(children=(("a", Plan()), ("b", Plan()), ("c", Plan())))).start()
    run.reply("start")
    assert run.under_way == ["a", "b", "c"]


def test_sequential_next_activities_wait_for_the_whole_branch_of_the_one_before() -> None:
    grown = Plan(children=(("a_1", Plan(children=(("a_1_1", Plan()),))), ("a_2", Plan())))
    run = Run.planned(process(), Plan(parallel=False, children=(("a", grown), ("b", Plan()), ("c", Plan())))).start()
    run.reply("start")
    assert run.under_way == ["a"]
    run.reply("a")
    assert run.under_way == ["a_1", "a_2"]
    run.reply("a_1")
    run.reply("a_2")
    assert run.under_way == ["a_1_1"]
    run.reply("a_1_1")
    assert run.under_way == ["b"]
    run.reply("b")
    assert run.under_way == ["c"]


def test_a_sequence_goes_on_after_one_that_failed() -> None:
    run = Run.planned(process(), Plan(parallel=False, children=(("a", Plan("http_500")), ("b", Plan())))).start().to_the_end()
    assert run.statuses() == {"start": "done", "a": "error", "b": "done"}
    assert run.job.status is Status.DONE


def test_a_sequence_within_a_sequence_does_not_hold_up_another_branch() -> None:
    inner = Plan(parallel=False, children=(("x", Plan()), ("y", Plan())))
    run = Run.planned(process(), Plan(children=(("a", inner), ("b", inner)))).start()
    for name in ("start", "a", "b"):
        run.reply(name)
    assert run.under_way == ["x", "x#2"]
    run.reply("x#2")
    assert run.under_way == ["x", "y#2"]


def test_activities_of_a_definition_wait_for_all_they_are_after() -> None:
    """As in a list of which the third is not independent, and the fourth is."""
    listed = (activity("a"), activity("b"), activity("c", after=("a", "b")), activity("d"), activity("e", after=("a", "b", "c", "d")))
    run = Run.planned(process(*listed), Plan(), Plan("http_500"), Plan(), Plan(), Plan()).start()
    assert run.under_way == ["a", "b", "d"]
    run.reply("a")
    run.reply("d")
    assert run.under_way == ["b"]
    run.reply("b")
    assert run.under_way == ["c"]
    run.reply("c")
    assert run.under_way == ["e"]
    run.reply("e")
    assert (run.job.status, run.statuses()["b"]) == (Status.DONE, "error")


def test_an_activity_waits_for_what_grew_from_the_ones_it_is_after() -> None:
    listed = (activity("a"), activity("b", after=("a",)))
    run = Run.planned(process(*listed), Plan(children=(("x", Plan()),)), Plan()).start()
    run.reply("a")
    assert run.under_way == ["x"]
    run.reply("x")
    assert run.under_way == ["b"]


# limits


@pytest.mark.parametrize(
    ("limits", "setting"),
    [
        (Limits(max_tasks=2), "job.max_tasks"),
        (Limits(max_depth=1), "job.max_depth"),
        (Limits(max_stored_bytes=14), "job.max_stored_bytes"),
    ],
)
def test_a_reply_above_a_limit_is_the_tasks_error_and_names_the_setting(limits: Limits, setting: str) -> None:
    run = Run.planned(process(limits=limits), Plan(children=(("a", Plan()), ("b", Plan())))).start().to_the_end()
    assert run.statuses() == {"start": "error"}
    assert setting in run.job.tasks["start"].error


@pytest.mark.parametrize("limits", [Limits(max_tasks=3), Limits(max_depth=2), Limits(max_stored_bytes=45)])
def test_a_job_may_grow_up_to_its_limits(limits: Limits) -> None:
    run = Run.planned(process(limits=limits), Plan(children=(("a", Plan()), ("b", Plan())))).start().to_the_end()
    assert run.statuses() == {"start": "done", "a": "done", "b": "done"}


def test_what_is_stored_is_counted_in_bytes_not_in_characters() -> None:
    job = new_job(process(limits=Limits(max_stored_bytes=10)), "key", "uuid", b"", DEADLINE_MS)
    job = job_after(STARTED, CALLED, TaskReplied("start", Success('"äöü€"')), of=job)
    assert (job.tasks["start"].failure or REFUSED).kind == "limit"


def test_a_job_of_ten_thousand_siblings_of_one_name_is_run_to_its_end() -> None:
    growth = Growth((activity("a"),) * 9_999, parallel=True)
    job = job_after(STARTED, CALLED, TaskReplied("start", Success('"data"', growth)))
    assert list(job.tasks)[-1] == "a#9999"
    assert len(job.pending) == 9_999


# the end


def test_running_tasks_of_a_job_that_is_ended_become_errors_and_the_others_stay_as_they_are() -> None:
    run = Run.planned(process(), Plan(parallel=False, children=(("a", Plan()), ("b", Plan())))).start()
    run.reply("start")
    run.happened(JobEnded(Status.CANCELLED, "cancelled"))
    job, changes = run.commits[-1]
    assert changes == [TaskChanged("a", Status.ERROR), JobChanged(Status.CANCELLED)]
    assert run.statuses() == {"start": "done", "a": "error", "b": "scheduled"}
    assert (job.tasks["a"].error, job.pending, job.running) == ("cancelled", {}, 0)


def test_where_nothing_ran_what_was_about_to_start_bears_the_reason_of_the_end() -> None:
    job, changes = apply(job_after(STARTED), JobEnded(Status.ERROR, "too late"))
    assert changes == [TaskChanged("start", Status.ERROR), JobChanged(Status.ERROR)]
    assert (job.tasks["start"].error, job.pending) == ("too late", {})


def test_a_job_cancelled_before_it_began_leaves_its_tasks_as_they_are() -> None:
    job, changes = apply(job_after(), JobEnded(Status.CANCELLED, "cancelled"))
    assert changes == [JobChanged(Status.CANCELLED)]
    assert (job.tasks["start"].status, job.tasks["start"].error, job.pending) == (Status.SCHEDULED, "", {})


def test_a_cancelled_job_has_its_text_in_all_that_ran_also_in_what_waited_for_another_attempt() -> None:
    run = Run.planned(process(activity("a"), activity("b"), activity("c", after=("a",))), Plan("refused"), Plan(), Plan()).start()
    run.reply("a")
    assert run.delayed
    run.happened(JobEnded(Status.CANCELLED, "cancelled"))
    assert run.statuses() == {"a": "error", "b": "error", "c": "scheduled"}
    assert [task.error for task in run.job.tasks.values()] == ["cancelled", "cancelled", ""]


# crashes


def test_a_task_that_was_interrupted_counts_it_and_is_to_be_decided_about() -> None:
    job = job_after(STARTED, CALLED)
    for crashes in (1, 2, 3):
        job, changes = apply(job, TaskInterrupted("start"))
        assert changes == [TaskTried("start")]
        assert (job.tasks["start"].crashes, job.pending, job.running) == (crashes, {"start": None}, 1)


def test_the_attempt_that_was_given_a_place_is_remembered_and_nothing_follows_from_it() -> None:
    job, changes = apply(job_after(STARTED, CALLED), TaskBegun("start"))
    assert (changes, job.tasks["start"].begun, job.pending) == ([TaskTried("start")], 1, {})
    again = job_after(TaskReplied("start", REFUSED), TaskDelayed("start", 5), CALLED, of=job).tasks["start"]
    assert (again.begun, again.attempts) == (1, 2)


def test_a_call_made_again_keeps_the_count_of_crashes() -> None:
    job = job_after(STARTED, CALLED, TaskInterrupted("start"), CALLED, TaskReplied("start", REFUSED), TaskDelayed("start", 5))
    assert (job.tasks["start"].crashes, job.tasks["start"].attempts) == (1, 2)


def test_a_job_is_suspected_for_the_one_of_its_running_tasks_that_has_seen_the_most_crashes() -> None:
    of = new_job(process(activity("start"), activity("b")), "key", "uuid", b"", DEADLINE_MS)
    assert suspicion(of) == 0
    job = job_after(STARTED, CALLED, TaskCalled("b"), TaskInterrupted("start"), TaskInterrupted("start"), TaskInterrupted("b"), of=of)
    assert suspicion(job) == 2
    assert suspicion(job_after(TaskReplied("start", SUCCESS), of=job)) == 1
    assert suspicion(job_after(TaskFailed("start", "why"), TaskReplied("b", SUCCESS), of=job)) == 0


# a finished job that is retried


def test_of_a_retried_job_what_has_failed_is_as_if_it_had_not_been_called_and_what_is_done_stays() -> None:
    listed = process(activity("a"), activity("b"), activity("c", required=True), activity("d", after=("c",)))
    run = Run.planned(listed, Plan("http_500"), Plan(), Plan("refused"), Plan()).start()
    run.under_way.remove("a")
    run.happened(TaskInterrupted("a"))
    run.to_the_end()
    assert (run.job.status, run.statuses()) == (Status.ERROR, {"a": "error", "b": "done", "c": "error", "d": "scheduled"})
    job, changes = apply(run.job, JobRetried())
    assert changes == [TaskChanged("a", Status.SCHEDULED), TaskChanged("c", Status.SCHEDULED), JobChanged(Status.SCHEDULED)]
    assert (job.status, job.failing, job.pending) == (Status.SCHEDULED, False, {})
    told = {name: (task.status.value, task.attempts, task.crashes, task.error) for name, task in job.tasks.items()}
    fresh = ("scheduled", 0, 0, "")
    assert told == {"a": fresh, "b": ("done", 1, 0, ""), "c": fresh, "d": fresh}
    assert job.tasks["b"] == run.job.tasks["b"]


@pytest.mark.parametrize("status", [Status.DONE, Status.ERROR, Status.CANCELLED])
def test_a_job_without_failed_tasks_may_be_retried_too(status: Status) -> None:
    job, changes = apply(job_after(*JOBS[status]), JobRetried())
    assert (job.status, changes) == (Status.SCHEDULED, [JobChanged(Status.SCHEDULED)])
