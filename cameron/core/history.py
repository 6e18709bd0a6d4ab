"""A job's history: each event as a word and a text, as operators read them in the job's stream, and as they are read back for clients.

    task.called "act_1"    task.attempt_failed "act_2, http_503: http://... replied 503"    task.delayed "act_2, until 1700000000000"

No task's name has a comma, so the first one ends it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from cameron.core.event import (
    Change,
    Event,
    Failure,
    JobEnded,
    JobRetried,
    JobStarted,
    Success,
    TaskBegun,
    TaskCalled,
    TaskChanged,
    TaskDelayed,
    TaskFailed,
    TaskInterrupted,
    TaskReplied,
    TaskSkipped,
    TaskWaits,
)
from cameron.core.job import Job

TEXT_MAX = 300  # characters of a text that the history keeps; the whole of it is in the job's hash
ACCEPTED = "job.accepted"  # stands in no history: the job's record says when it was
RESUMED, HANDED_BACK = "job.resumed", "job.handed_back"  # by the node that the text names
STARTED, RETRIED, ENDED = "job.started", "job.retried", "job.ended"
NOTHING_DUE = ("decided", "nothing")  # something has happened, and what runs is waited for
NUMBER_MAX = 16  # digits: an operator may have written anything


def told(job: Job, event: Event, node: str) -> tuple[str, str] | None:
    """The word and the text of an event that has just changed the job so, on that node; None: it is not worth any."""
    match event:
        case TaskCalled(name):
            attempts = job.tasks[name].attempts
            return "task.called", name if attempts == 1 else f"{name}, attempt {attempts}"
        case TaskReplied(name, Success()):
            return "task.done", name
        case TaskReplied(name, Failure(kind, text)):
            return "task.attempt_failed", f"{name}, {kind}: {text[:TEXT_MAX]}"
        case TaskBegun(name):
            return "task.begun", name
        case TaskFailed(name, text):
            return "task.failed", f"{name}, {text[:TEXT_MAX]}"
        case TaskDelayed(name, until_ms):
            return "task.delayed", f"{name}, until {until_ms}"
        case TaskWaits(name, until_ms):
            return "task.waits", f"{name}, until {until_ms}"
        case TaskSkipped(name, why):
            return "task.skipped", f"{name}, {why[:TEXT_MAX]}"
        case TaskInterrupted(name):
            return "task.interrupted", name
        case JobStarted():
            return STARTED, node
        case JobEnded(status, text):
            return ENDED, f"{status}, {text[:TEXT_MAX]}" if text not in ("", status) else status.value
        case JobRetried():
            return RETRIED, ""
    return None


def story(job: Job, event: Event, changes: Sequence[Change], node: str) -> Sequence[str]:
    """Words and texts in turn: what is told of the event, and before a job's end of each task that is cut short by it."""
    line = told(job, event, node) or ()
    if not isinstance(event, JobEnded):
        return line
    cut_short = [job.tasks[change.task] for change in changes if isinstance(change, TaskChanged)]
    lines = [told(job, TaskFailed(task.name, task.error), node) or () for task in cut_short]
    return [part for some in (*lines, line) for part in some]


def begins(words: Sequence[str]) -> bool:
    """Whether a job's history begins with what was told so; else there was more, which is no longer kept.

    A job is started first of all, or ends while it waits.
    """
    return STARTED in words or ENDED in words[:1]


def read(word: str, text: str) -> dict[str, Any]:
    """The same as members of a JSON object: `event`, and what its text says (`task`, `attempt`, `kind`, `until_ms`, `node`, ...).

    Of a word that is none of these, such as a later Cameron's, the whole text is `text`.
    """
    said: dict[str, Any] = {"event": word}
    about, _, rest = text.partition(", ")
    match word:
        case "task.called":
            return said | {"task": about, "attempt": _number(rest.removeprefix("attempt "), 1)}
        case "task.done" | "task.begun" | "task.interrupted":
            return said | {"task": text}
        case "task.attempt_failed":
            kind, _, why = rest.partition(": ")
            return said | {"task": about, "kind": kind, "text": why}
        case "task.failed" | "task.skipped":
            return said | {"task": about, "text": rest}
        case "task.delayed" | "task.waits":
            return said | {"task": about, "until_ms": _number(rest.removeprefix("until "), 0)}
        case "job.started" | "job.resumed" | "job.handed_back":
            return said | {"node": text}
        case "job.ended":
            return said | {"status": about} | ({"text": rest} if rest else {})
        case "job.accepted" | "job.retried":
            return said
    return said | {"text": text}


def besides(vocabulary: Mapping[str, Mapping[str, str]], said: Mapping[str, Any]) -> Mapping[str, str]:
    """What a dialect's clients are told of it besides what `read` says: its vocabulary has that by the word, of an end with its status."""
    word = said["event"]
    return vocabulary.get(f"{word} {said['status']}" if word == ENDED else word, {})


def _number(text: str, absent: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= NUMBER_MAX else absent
