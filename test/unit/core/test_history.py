"""What is told of events reads back whole: as operators see it in the job's stream, so clients are told it."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cameron.core.event import (
    Awaited,
    Event,
    Failure,
    JobEnded,
    JobRetried,
    JobStarted,
    Success,
    TaskBegun,
    TaskCalled,
    TaskDelayed,
    TaskDue,
    TaskFailed,
    TaskInterrupted,
    TaskReplied,
    TaskSkipped,
    TaskWaits,
)
from cameron.core.history import NOTHING_DUE, TEXT_MAX, begins, read, told
from cameron.core.job import Job, new_job
from cameron.core.process import task_name_fault
from cameron.core.status import ENDED, Status

from .run import DEADLINE_MS, activity, process

NODE = "host-1-ab"
NAMES = st.text(min_size=1, max_size=128).filter(lambda name: task_name_fault(name) is None) | st.sampled_from(
    ["act_1", "send: it", "until 5", "attempt 2", "a b", " ", "é#2", "error", "act_1#2"]
)
TEXTS = st.text(max_size=2 * TEXT_MAX) | st.sampled_from(["", ", ", "a, b", "x: y", "until 7", "attempt 3", "two\nlines", "ü" * 301])
KINDS = st.from_regex(r"[a-z][a-z_0-9]{0,30}", fullmatch=True)
TIMES = st.integers(0, 9_999_999_999_999)


def job_of(name: str, attempts: int = 1) -> Job:
    """A job of that one task, called so often."""
    job = new_job(process(activity(name)), "k", "u", b"payload", DEADLINE_MS)
    return job._replace(tasks={name: job.tasks[name]._replace(attempts=attempts)})


def read_back(event: Event, job: Job) -> dict[str, Any]:
    """What clients are told of the event."""
    said = told(job, event, NODE)
    assert said is not None
    return read(*said)


def about(word: str, task: str, **more: Any) -> dict[str, Any]:
    """What is said of a task."""
    return {"event": word, "task": task, **more}


@given(NAMES, TEXTS, KINDS, TIMES)
@example("send: it", "attempt 2, until 5: no", "http_503", 0)
def test_every_told_event_of_a_task_reads_back_whole(name: str, text: str, kind: str, until_ms: int) -> None:
    job, kept = job_of(name), text[:TEXT_MAX]
    expected: list[tuple[Event, dict[str, Any]]] = [
        (TaskCalled(name), about("task.called", name, attempt=1)),
        (TaskReplied(name, Success('"data"')), about("task.done", name)),
        (TaskReplied(name, Failure(kind, text)), about("task.attempt_failed", name, kind=kind, text=kept)),
        (TaskBegun(name), about("task.begun", name)),
        (TaskFailed(name, text), about("task.failed", name, text=kept)),
        (TaskDelayed(name, until_ms), about("task.delayed", name, until_ms=until_ms)),
        (TaskWaits(name, until_ms), about("task.waits", name, until_ms=until_ms)),
        (TaskSkipped(name, text), about("task.skipped", name, text=kept)),
        (TaskInterrupted(name), about("task.interrupted", name)),
    ]
    assert [read_back(event, job) for event, _ in expected] == [said for _, said in expected]


@given(NAMES, st.integers(1, 10_000))
def test_a_call_tells_which_attempt_it_is(name: str, attempts: int) -> None:
    assert read_back(TaskCalled(name), job_of(name, attempts)) == about("task.called", name, attempt=attempts)


@given(st.sampled_from(sorted(ENDED)), TEXTS)
def test_the_end_of_a_job_tells_how_and_why(status: Status, text: str) -> None:
    why = {"text": text[:TEXT_MAX]} if text not in ("", status) else {}
    assert read_back(JobEnded(status, text), job_of("x")) == {"event": "job.ended", "status": status.value, **why}


def test_a_cancelled_job_is_not_told_as_cancelled_twice() -> None:
    assert told(job_of("x"), JobEnded(Status.CANCELLED, "cancelled"), NODE) == ("job.ended", "cancelled")


def test_what_happens_to_a_job_as_a_whole_reads_back_too() -> None:
    job = job_of("x")
    assert read_back(JobStarted(), job) == {"event": "job.started", "node": NODE}
    assert read_back(JobRetried(), job) == {"event": "job.retried"}
    assert [read(word, NODE) for word in ("job.resumed", "job.handed_back")] == [
        {"event": "job.resumed", "node": NODE}, {"event": "job.handed_back", "node": NODE},
    ]  # fmt: skip
    assert read(*NOTHING_DUE) == {"event": "decided", "text": "nothing"}
    assert read("job.accepted", "") == {"event": "job.accepted"}


@pytest.mark.parametrize("event", [TaskDue("x"), TaskReplied("x", Awaited(60.0, callback=True))])
def test_what_another_event_tells_of_is_not_told_twice(event: Event) -> None:
    assert told(job_of("x"), event, NODE) is None


@given(st.text(max_size=40) | st.sampled_from(["task.called", "task.delayed", "job.ended", "task.attempt_failed", "task.waits"]), TEXTS)
@example("task.called", "x, attempt " + "9" * 5000)
@example("task.delayed", "x, until ²")
def test_whatever_stands_there_is_read_and_what_nobody_knows_keeps_its_whole_text(word: str, text: str) -> None:
    said = read(word, text)
    assert said["event"] == word
    if not word.startswith(("task.", "job.")):
        assert said == {"event": word, "text": text}


def test_a_number_that_is_none_is_as_if_nothing_were_said() -> None:
    assert read("task.called", "x, attempt " + "9" * 5000) == about("task.called", "x", attempt=1)
    assert read("task.delayed", "x, until soon") == about("task.delayed", "x", until_ms=0)


@pytest.mark.parametrize(
    ("words", "is_so"),
    [
        (["job.started", "task.called", "task.called"], True),
        (["job.ended"], True),  # while it waited
        (["task.done", "task.called"], False),
        (["task.done", "job.ended"], False),
        (["job.resumed", "task.interrupted"], False),
        (["job.retried"], False),
        (["job.handed_back"], False),
        (["decided"], False),
    ],
)
def test_a_history_begins_with_the_start_of_its_job_or_with_its_end_while_it_waited(words: list[str], is_so: bool) -> None:
    assert begins(words) is is_so
