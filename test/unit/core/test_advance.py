"""How a job goes on: events in, and all that follows from them out."""

from collections.abc import Callable
from typing import Any

from cameron.core.advance import Advance, Holder, advance
from cameron.core.event import (
    Attempt,
    Failure,
    HttpRequest,
    JobEnded,
    JobStarted,
    Skip,
    Success,
    TaskCalled,
    TaskDelayed,
    TaskReplied,
    TaskSkipped,
)
from cameron.core.job import Job, Task
from cameron.core.process import RetryPolicy
from cameron.core.status import Status

from .run import BEGIN_MS, Run, activity, process

REQUEST = HttpRequest("http://service", b"")
AB = process(activity("a"), activity("b", after=("a",)))


def holder(
    prepare: Callable[[Job, Task], Attempt] = lambda job, task: REQUEST, is_put_off: Callable[[Job, Any], bool] = lambda job, event: False
) -> Holder:
    return Holder("here", prepare, lambda: 0.5, is_put_off)


def started(*activities: Any, by: Holder | None = None) -> Advance:
    """A new job of these, as far as it comes by itself."""
    defined = process(*activities)
    return advance(defined, Run(defined, lambda job, task: Success("1")).job, [JobStarted()], BEGIN_MS, by or holder())


def events(made: Advance) -> list[Any]:
    return [event for _, event in made.steps]


def test_what_is_to_be_called_is_told_with_the_task_as_it_is_then() -> None:
    made = started(activity("a"), activity("b", after=("a",)), activity("c"))
    assert [(task.name, task.attempts, attempt) for task, attempt in made.called] == [("a", 1, REQUEST), ("c", 1, REQUEST)]
    assert events(made) == [JobStarted(), TaskCalled("a"), TaskCalled("c")]
    assert made.story == ["job.started", "here", "task.called", "a", "task.called", "c"]
    assert [task and (task.name, task.status) for task, _ in made.steps] == [None, ("a", Status.SCHEDULED), ("c", Status.SCHEDULED)]
    assert (made.is_idle, made.end, made.timers) == (False, None, [])


def test_the_job_that_is_given_stays_as_it_was() -> None:
    job = started(*AB.activities).job
    tasks, pending = dict(job.tasks), dict(job.pending)
    made = advance(AB, job, [TaskReplied("a", Success("1"))], BEGIN_MS, holder())
    assert (job.tasks, job.pending, job.tasks == made.job.tasks) == (tasks, pending, False)


def test_a_reply_leads_on_to_what_waited_for_it() -> None:
    made = advance(AB, started(*AB.activities).job, [TaskReplied("a", Success("1"))], BEGIN_MS, holder())
    assert [task.name for task, _ in made.called] == ["b"]
    ended = advance(AB, made.job, [TaskReplied("b", Success("2"))], BEGIN_MS, holder())
    assert (ended.job.status, ended.end, ended.called) == (Status.DONE, JobEnded(Status.DONE), [])


def test_where_something_has_happened_and_nothing_is_due_it_is_idle() -> None:
    two = process(activity("a"), activity("b"))
    job = started(*two.activities).job
    assert advance(two, job, [TaskReplied("a", Success("1"))], BEGIN_MS, holder()).is_idle
    assert advance(two, job, [TaskReplied("a", Failure("http_500", "x"))], BEGIN_MS, holder()).is_idle
    assert not advance(two, job, [], BEGIN_MS, holder()).is_idle


def test_what_an_attempt_comes_to_without_a_call_is_known_at_once() -> None:
    prepared: dict[str, Attempt] = {"a": Skip("no need"), "b": Failure("template", "no such name"), "c": Success("1")}
    made = started(activity("a"), activity("b"), activity("c"), by=holder(lambda job, task: prepared[task.name]))
    assert made.called == []
    assert [made.job.tasks[name].status for name in "abc"] == [Status.SKIPPED, Status.ERROR, Status.DONE]
    assert [event for event in events(made) if not isinstance(event, TaskCalled)][1:3] == [
        TaskSkipped("a", "no need"), TaskReplied("b", Failure("template", "no such name")),
    ]  # fmt: skip


def test_what_waits_for_its_next_attempt_is_to_be_looked_at_then() -> None:
    again = process(activity("a", retry=RetryPolicy(attempts=2, delay_s=2.0, on=frozenset({"refused"}))))
    made = advance(again, started(*again.activities).job, [TaskReplied("a", Failure("refused", "x"))], BEGIN_MS, holder())
    assert made.timers == [TaskDelayed("a", BEGIN_MS + 1000)]
    assert made.called == []


def test_what_is_put_off_is_decided_again_when_it_is_asked_for() -> None:
    put_off = started(activity("a"), by=holder(is_put_off=lambda job, event: isinstance(event, TaskCalled)))
    assert events(put_off) == [JobStarted()]
    assert [task.name for task, _ in advance(process(activity("a")), put_off.job, [], BEGIN_MS, holder()).called] == ["a"]


def test_nothing_follows_on_an_end() -> None:
    job = started(activity("a")).job
    made = advance(process(activity("a")), job, [JobEnded(Status.CANCELLED, "cancelled"), JobStarted()], BEGIN_MS, holder())
    assert (made.end, events(made)[1:], made.job.status) == (JobEnded(Status.CANCELLED, "cancelled"), [], Status.CANCELLED)
