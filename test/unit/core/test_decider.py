"""What is decided of a job: each rule, with the time and the chance given."""

import pytest

from cameron.core.decider import decide
from cameron.core.event import (
    Awaited,
    Failure,
    JobChanged,
    JobEnded,
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
    TaskSkipped,
    TaskTried,
    TaskWaits,
)
from cameron.core.job import Job, apply, new_job, suspicion
from cameron.core.process import Activity, Limits, PythonCall, RetryPolicy
from cameron.core.status import IllegalTransition, Status

from .run import BEGIN_MS, DEADLINE_MS, Plan, Run, activity, process


def failed(failure: Failure, attempts: int = 1, **fields: object) -> Job:
    """A job whose only task has failed at its `attempts`th attempt."""
    job, _ = apply(new_job(process(activity("start", **fields)), "key", "uuid", b"", DEADLINE_MS), JobStarted())
    job, _ = apply(job, TaskCalled("start"))
    task = job.tasks["start"]._replace(attempts=attempts, failures=attempts, failure=failure)
    return job._replace(tasks={"start": task}, pending={"start": None})


def restored(until_ms: int = 0, **fields: object) -> Job:
    """A job whose only task was running when its runner died."""
    job, _ = apply(new_job(process(activity("start", **fields)), "key", "uuid", b"", DEADLINE_MS), JobStarted())
    job, _ = apply(job, TaskCalled("start"))
    job = job._replace(tasks={"start": job.tasks["start"]._replace(until_ms=until_ms)})
    return apply(job, TaskDue("start"))[0]


@pytest.mark.parametrize("ended", [Status.DONE, Status.ERROR, Status.CANCELLED])
def test_nothing_is_decided_of_a_job_that_is_not_running(ended: Status) -> None:
    new = new_job(process(), "key", "uuid", b"", DEADLINE_MS)
    assert decide(process(), new, BEGIN_MS, 0.5) == []
    job, _ = apply(apply(new, JobStarted())[0], JobEnded(ended))
    assert decide(process(), job, DEADLINE_MS + 1, 0.5) == []


def test_what_waits_for_nothing_is_called() -> None:
    several = process(activity("a"), activity("b"), activity("c", after=("a",)))
    job, _ = apply(new_job(several, "key", "uuid", b"", DEADLINE_MS), JobStarted())
    assert decide(several, job, BEGIN_MS, 0.5) == [TaskCalled("a"), TaskCalled("b")]


def test_nothing_is_decided_while_calls_are_under_way() -> None:
    assert decide(process(), Run.planned(process(), Plan()).start().job, BEGIN_MS, 0.5) == []


def test_a_job_is_done_when_its_last_task_has_ended_whether_well_or_not() -> None:
    assert Run.planned(process(), Plan()).start().to_the_end().job.status is Status.DONE
    assert Run.planned(process(), Plan("http_500")).start().to_the_end().job.status is Status.DONE


# retries


@pytest.mark.parametrize("kind", ["refused", "unknown_host", "http_429", "http_503"])
def test_what_was_not_carried_out_is_tried_again(kind: str) -> None:
    assert decide(process(), failed(Failure(kind, "why")), BEGIN_MS, 0.5) == [TaskDelayed("start", BEGIN_MS + 250)]


@pytest.mark.parametrize("kind", ["timeout", "http_500", "http_404", "invalid_reply", "closed", "limit"])
def test_what_may_have_been_carried_out_is_not_tried_again_by_itself(kind: str) -> None:
    assert decide(process(), failed(Failure(kind, "why")), BEGIN_MS, 0.5) == [TaskFailed("start", "why")]


def test_a_definition_may_say_what_else_is_tried_again() -> None:
    job = failed(Failure("timeout", "why"), retry=RetryPolicy(on=frozenset({"timeout"})))
    assert decide(process(), job, BEGIN_MS, 0.0) == [TaskDelayed("start", BEGIN_MS)]


def test_the_last_attempt_is_followed_by_none_and_the_error_says_how_many_there_were() -> None:
    assert decide(process(), failed(Failure("refused", "why"), attempts=3), BEGIN_MS, 0.5) == [TaskFailed("start", "why (3 attempts)")]


def test_retry_after_is_honoured() -> None:
    assert decide(process(), failed(Failure("http_503", "why", 7.0)), BEGIN_MS, 0.0) == [TaskDelayed("start", BEGIN_MS + 7000)]


def test_a_task_that_fails_and_then_succeeds_is_done() -> None:
    run = Run.planned(process(), Plan("refused", failures=2)).start().to_the_end()
    assert run.called == ["start"] * 3
    assert run.statuses() == {"start": "done"}


def test_a_timer_that_fires_early_is_set_again() -> None:
    assert decide(process(), restored(until_ms=BEGIN_MS + 1), BEGIN_MS, 0.5) == [TaskDelayed("start", BEGIN_MS + 1)]
    assert decide(process(), restored(until_ms=BEGIN_MS), BEGIN_MS, 0.5) == [TaskCalled("start")]


# at most once


def test_a_call_that_was_interrupted_is_made_again() -> None:
    assert decide(process(), restored(), BEGIN_MS, 0.5) == [TaskCalled("start")]


def test_a_call_to_be_made_at_most_once_that_was_interrupted_is_an_error() -> None:
    [decision] = decide(process(), restored(at_most_once=True), BEGIN_MS, 0.5)
    assert isinstance(decision, TaskFailed)
    assert "at most once" in decision.text


def test_a_call_to_be_made_at_most_once_that_was_only_waiting_for_its_next_attempt_is_made() -> None:
    assert decide(process(), restored(until_ms=BEGIN_MS - 1, at_most_once=True), BEGIN_MS, 0.5) == [TaskCalled("start")]


@pytest.mark.parametrize(
    ("kind", "again"), [("refused", True), ("unknown_host", True), ("http_429", False), ("http_503", False), ("timeout", False)]
)
def test_a_call_to_be_made_at_most_once_is_tried_again_only_where_it_never_arrived(kind: str, again: bool) -> None:
    anything = RetryPolicy(on=frozenset({"refused", "unknown_host", "http_429", "http_503", "timeout"}))
    [decision] = decide(process(), failed(Failure(kind, "why"), at_most_once=True, retry=anything), BEGIN_MS, 0.5)
    assert isinstance(decision, TaskDelayed) == again


# crashes


def crashed(times: int, **fields: object) -> Job:
    """A job whose runners have died that often while its only task was called."""
    job, _ = apply(new_job(process(activity("start", **fields)), "key", "uuid", b"", DEADLINE_MS), JobStarted())
    job, _ = apply(job, TaskCalled("start"))
    for _ in range(times):
        job, _ = apply(job, TaskInterrupted("start"))
    return job


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_a_job_is_given_up_when_as_many_have_died_with_one_of_its_tasks_as_may_and_not_before(limit: int) -> None:
    limited = process(limits=Limits(max_crashes=limit))
    assert decide(limited, crashed(limit - 1), BEGIN_MS, 0.5) in ([], [TaskCalled("start")])
    [end] = decide(limited, crashed(limit), BEGIN_MS, 0.5)
    assert end == JobEnded(
        Status.ERROR,
        f"given up: whoever ran this job has died {limit} times while task 'start' was called (setting job.max_crashes)",
        "start",
    )


def test_five_crashes_are_too_many_where_nothing_else_is_said() -> None:
    assert [decide(process(), crashed(times), BEGIN_MS, 0.5) for times in (1, 4)] == [[TaskCalled("start")]] * 2
    assert isinstance(decide(process(), crashed(5), BEGIN_MS, 0.5)[0], JobEnded)


@pytest.mark.parametrize(("begun", "borne"), [(False, 3), (True, 1)])
def test_a_task_that_may_only_have_waited_for_a_place_is_not_blamed_before_it_has_run_as_a_suspect(begun: bool, borne: int) -> None:
    of = process(activity("start")._replace(call=PythonCall("charge")), limits=Limits(max_crashes=1))
    job = new_job(of, "key", "uuid", b"", DEADLINE_MS)
    for event in (JobStarted(), TaskCalled("start"), *([TaskBegun("start")] if begun else [])):
        job, _ = apply(job, event)
    for crashes in range(1, borne + 1):
        job, _ = apply(job, TaskInterrupted("start"))
        assert isinstance(decide(of, job, BEGIN_MS, 0.5)[0], JobEnded) == (crashes == borne)


def test_attempts_that_were_cut_short_are_not_counted_against_a_task() -> None:
    job = restored()
    for _ in range(7):
        job, _ = apply(job, TaskCalled("start"))
        job, _ = apply(job, TaskInterrupted("start"))
    for event in (TaskCalled("start"), TaskReplied("start", Failure("refused", "why"))):
        job, _ = apply(job, event)
    assert decide(process(limits=Limits(max_crashes=100)), job, BEGIN_MS, 0.5) == [TaskDelayed("start", BEGIN_MS + 250)]


def test_crashes_of_several_tasks_are_not_added_up() -> None:
    of = process(*(activity(f"act_{number}") for number in range(5)))
    job, _ = apply(new_job(of, "key", "uuid", b"", DEADLINE_MS), JobStarted())
    for name in job.tasks:
        job, _ = apply(job, TaskCalled(name))
        job, _ = apply(job, TaskInterrupted(name))
    assert decide(of, job, BEGIN_MS, 0.5) == [TaskCalled(name) for name in job.tasks]


def test_giving_up_goes_before_everything_else_that_is_to_be_decided() -> None:
    of = process(activity("start"), activity("b"))
    job, _ = apply(new_job(of, "key", "uuid", b"", DEADLINE_MS), JobStarted())
    job, _ = apply(job, TaskCalled("start"))
    for _ in range(5):
        job, _ = apply(job, TaskInterrupted("start"))
    job = job._replace(pending={"b": None, "start": None})
    [end] = decide(of, job, BEGIN_MS, 0.5)
    assert isinstance(end, JobEnded)
    ended, _ = apply(job, end)
    assert {name: task.status.value for name, task in ended.tasks.items()} == {"start": "error", "b": "scheduled"}
    assert "given up" in ended.tasks["start"].error


def test_a_call_to_be_made_at_most_once_is_not_made_again_after_a_crash() -> None:
    [decision] = decide(process(), crashed(1, at_most_once=True), BEGIN_MS, 0.5)
    assert isinstance(decision, TaskFailed)


# the deadline


def test_a_job_past_its_deadline_ends_in_error_with_its_running_tasks() -> None:
    run = Run.planned(process(limits=Limits(timeout_s=90.0)), Plan(children=(("a", Plan()),))).start()
    run.reply("start")
    run.now_ms = DEADLINE_MS - 1
    run.happened()
    assert run.job.status is Status.RUNNING
    run.now_ms = DEADLINE_MS
    run.happened()
    assert (run.job.status, run.statuses()) == (Status.ERROR, {"start": "done", "a": "error"})
    limit = "setting job.timeout_s, or the process's option timeout_s"
    assert run.job.tasks["a"].error == f"not finished within the job's 90 s ({limit})"


def test_a_job_whose_time_was_up_before_anything_ran_says_so_in_the_task_it_would_have_begun_with() -> None:
    job, _ = apply(new_job(process(), "key", "uuid", b"", DEADLINE_MS), JobStarted())
    (end,) = decide(process(), job, DEADLINE_MS, 0.5)
    ended, changes = apply(job, end)
    assert ended.tasks["start"].status is Status.ERROR
    assert "job.timeout_s" in ended.tasks["start"].error
    assert changes == [TaskChanged("start", Status.ERROR), JobChanged(Status.ERROR)]


def test_a_delay_beyond_the_deadline_does_not_keep_the_job() -> None:
    run = Run(process(), lambda job, task: Failure("http_503", "why", 1e12)).start()
    run.reply("start")
    run.now_ms = DEADLINE_MS
    run.happened()
    assert (run.job.status, run.statuses()) == (Status.ERROR, {"start": "error"})


# required activities


def required_then(*others: Activity) -> Run:
    """A run of which `a`, required, fails."""
    return Run.planned(process(activity("a", required=True), *others), Plan("http_500"), *(Plan() for _ in others)).start()


def test_a_required_activity_that_failed_for_good_fails_the_job() -> None:
    run = required_then().to_the_end()
    assert (run.job.status, run.statuses()) == (Status.ERROR, {"a": "error"})


def test_nothing_new_starts_in_a_failing_job() -> None:
    run = required_then(activity("b", after=("a",)), activity("c", after=("b",))).to_the_end()
    assert (run.job.status, run.statuses()) == (Status.ERROR, {"a": "error", "b": "scheduled", "c": "scheduled"})


def test_what_runs_in_a_failing_job_is_let_end() -> None:
    run = required_then(activity("b"))
    run.reply("a")
    assert (run.job.status, run.job.failing, run.under_way) == (Status.RUNNING, True, ["b"])
    run.reply("b")
    assert (run.job.status, run.statuses()) == (Status.ERROR, {"a": "error", "b": "done"})


def test_what_a_running_task_grows_in_a_failing_job_is_discovered_but_not_called() -> None:
    listed = process(activity("a", required=True), activity("b"))
    run = Run.planned(listed, Plan("http_500"), Plan(children=(("x", Plan()),))).start()
    run.reply("a")
    run.reply("b")
    assert (run.job.status, run.statuses()) == (Status.ERROR, {"a": "error", "b": "done", "x": "scheduled"})


def test_an_activity_that_is_not_required_may_fail() -> None:
    listed = process(activity("a"), activity("b", after=("a",), required=True))
    run = Run.planned(listed, Plan("http_500"), Plan()).start().to_the_end()
    assert (run.job.status, run.statuses()) == (Status.DONE, {"a": "error", "b": "done"})


def test_the_outcome_of_a_job_that_was_grown_is_its_graph() -> None:
    run = Run(process(), lambda job, task: Success('{"n":1}', None, "undefined")).start().to_the_end()
    assert [task.output and task.output.data for task in run.job.tasks.values()] == ['{"n":1}']


# what is still to come


def called(**fields: object) -> Job:
    """A job whose only task has been called."""
    job, _ = apply(new_job(process(activity("start", **fields)), "key", "uuid", b"", DEADLINE_MS), JobStarted())
    return apply(job, TaskCalled("start"))[0]


def awaiting(awaited: Awaited, at_ms: int = BEGIN_MS) -> Job:
    """A job whose only task waits for what is still to come."""
    job, _ = apply(called(), TaskReplied("start", awaited))
    [waits] = decide(process(), job, at_ms, 0.5)
    return apply(job, waits)[0]


@pytest.mark.parametrize("callback", [True, False])
def test_a_task_whose_outcome_is_still_to_come_waits_for_it(callback: bool) -> None:
    job, changes = apply(called(), TaskReplied("start", Awaited(2.5, callback)))
    assert (changes, decide(process(), job, BEGIN_MS, 0.5)) == ([], [TaskWaits("start", BEGIN_MS + 2500)])
    job, changes = apply(job, TaskWaits("start", BEGIN_MS + 2500))
    assert (changes, decide(process(), job, BEGIN_MS, 0.5)) == ([TaskTried("start")], [])


def test_a_callback_that_does_not_come_in_time_is_a_failure() -> None:
    job, _ = apply(awaiting(Awaited(2.5, callback=True)), TaskDue("start"))
    assert decide(process(), job, BEGIN_MS + 2500, 0.5) == [
        TaskReplied("start", Failure("timeout", "timeout: no callback came within 2.5 s")),
    ]


def test_a_callback_that_failed_to_come_may_be_asked_for_again() -> None:
    persistent = process(activity("start", retry=RetryPolicy(attempts=2, on=frozenset({"timeout"}))))
    job, _ = apply(new_job(persistent, "key", "uuid", b"", DEADLINE_MS), JobStarted())
    events = [TaskCalled("start"), TaskReplied("start", Awaited(1, callback=True)), TaskWaits("start", BEGIN_MS + 1000), TaskDue("start")]
    for event in events:
        job, _ = apply(job, event)
    [failed] = decide(persistent, job, BEGIN_MS + 1000, 0.0)
    job, _ = apply(job, failed)
    [delayed] = decide(persistent, job, BEGIN_MS + 1000, 0.0)
    assert delayed == TaskDelayed("start", BEGIN_MS + 1000)
    job, _ = apply(apply(job, delayed)[0], TaskDue("start"))
    assert job.tasks["start"].awaited is None
    assert decide(persistent, job, BEGIN_MS + 1000, 0.0) == [TaskCalled("start")]


def test_a_delay_is_done_when_its_time_has_passed() -> None:
    job, _ = apply(awaiting(Awaited(2.5, callback=False)), TaskDue("start"))
    assert decide(process(), job, BEGIN_MS + 2500, 0.5) == [TaskReplied("start", Success("null"))]


def test_a_wait_whose_timer_fires_early_goes_on() -> None:
    job, _ = apply(awaiting(Awaited(2.5, callback=True)), TaskDue("start"))
    assert decide(process(), job, BEGIN_MS + 2499, 0.5) == [TaskWaits("start", BEGIN_MS + 2500)]


def test_a_waiting_task_is_neither_called_again_nor_suspected_after_a_crash() -> None:
    job = awaiting(Awaited(2.5, callback=True))
    assert suspicion(job._replace(tasks={"start": job.tasks["start"]._replace(crashes=3)})) == 0


def test_what_is_called_at_most_once_may_wait_for_its_callback() -> None:
    once = process(activity("start", at_most_once=True))
    job, _ = apply(new_job(once, "key", "uuid", b"", DEADLINE_MS), JobStarted())
    for event in (
        TaskCalled("start"),
        TaskReplied("start", Awaited(1, callback=True)),
        TaskWaits("start", BEGIN_MS + 1000),
        TaskDue("start"),
    ):
        job, _ = apply(job, event)
    assert decide(once, job, BEGIN_MS, 0.0) == [TaskWaits("start", BEGIN_MS + 1000)]


def test_a_callback_settles_its_task_whenever_it_comes() -> None:
    for job in (called(), awaiting(Awaited(2.5, callback=True))):
        job, _ = apply(job, TaskReplied("start", Success("1")))
        assert (job.tasks["start"].status, job.tasks["start"].awaited) == (Status.DONE, None)
        assert decide(process(), job, BEGIN_MS, 0.5) == [JobEnded(Status.DONE)]


# what is skipped


def test_a_skipped_task_has_ended_and_frees_those_that_wait_for_it() -> None:
    chain = process(activity("a", required=True), activity("b", after=("a",)))
    job, _ = apply(new_job(chain, "key", "uuid", b"", DEADLINE_MS), JobStarted())
    job, changes = apply(job, TaskSkipped("a", "nothing to do"))
    assert changes == [TaskChanged("a", Status.SKIPPED)]
    assert (job.failing, job.open, decide(chain, job, BEGIN_MS, 0.5)) == (False, 1, [TaskCalled("b")])
    job, _ = apply(job, TaskSkipped("b", "neither"))
    assert decide(chain, job, BEGIN_MS, 0.5) == [JobEnded(Status.DONE)]


def test_what_was_called_cannot_be_skipped_any_more() -> None:
    with pytest.raises(IllegalTransition):
        apply(called(), TaskSkipped("start", "too late"))


# how retries wait


def test_any_failure_is_tried_again_where_the_policy_says_so() -> None:
    job = failed(Failure("exit_3", "x"), retry=RetryPolicy(attempts=2, on=frozenset({"*"}), delay_s=4, jitter=False))
    of = process(activity("start", retry=RetryPolicy(attempts=2, on=frozenset({"*"}), delay_s=4, jitter=False)))
    assert decide(of, job, BEGIN_MS, 0.1) == [TaskDelayed("start", BEGIN_MS + 4000)]
