"""What a job's runner tells the log: at `debug` each step of its tasks, at `info` and above how the job has ended."""

import logging
from collections.abc import Sequence

from cameron.core.event import (
    Awaited,
    Event,
    Failure,
    JobEnded,
    TaskCalled,
    TaskDelayed,
    TaskFailed,
    TaskInterrupted,
    TaskReplied,
    TaskSkipped,
    TaskWaits,
)
from cameron.core.job import Job, Task
from cameron.core.moment import duration
from cameron.core.status import Status

log = logging.getLogger("cameron.job")

LOGGED_TEXT = 300  # characters of an error's text


def is_verbose() -> bool:
    """Whether steps are to be logged."""
    return log.isEnabledFor(logging.DEBUG)


def log_steps(job: Job, steps: Sequence[tuple[Task | None, Event]], now_ms: int) -> None:
    """What has happened in the job, where it is about one of its tasks; each event with the task before it."""
    for task, event in steps:
        if task is not None and (what := _step(task, event, now_ms)):
            log.debug("job %s of %s: task %r %s", job.uuid, job.process, task.name, what)


def _step(task: Task, event: Event, now_ms: int) -> str:
    """What became of the task; "": nothing worth a line."""
    match event:
        case TaskCalled():
            return f"is called, attempt {task.attempts + 1}: {task.activity.call.target or task.activity.kind}"
        case TaskReplied(_, Failure(kind, text)):
            return f"has failed ({kind}): {text[:LOGGED_TEXT]}"
        case TaskReplied(_, Awaited(for_s, callback)):
            return f"waits for {'its callback, at most' if callback else 'time to pass:'} {duration(for_s)}"
        case TaskReplied():
            return "is done"
        case TaskWaits(_, until_ms):
            return f"goes on waiting, for {duration((until_ms - now_ms) / 1000)} at most"
        case TaskDelayed(_, until_ms):
            return f"is called again in {duration((until_ms - now_ms) / 1000)}"
        case TaskFailed(_, text):
            return f"ends in error: {text[:LOGGED_TEXT]}"
        case TaskSkipped(_, why):
            return f"is skipped: {why[:LOGGED_TEXT]}"
        case TaskInterrupted():
            return "was called when whoever ran the job died"
    return ""


def log_end(job: Job, end: JobEnded) -> None:
    """For operators: what went wrong stands out, and says where to look."""
    told = {"job_uuid": job.uuid, "job_process": job.process, "job_status": job.status.value}  # for programs
    failed = [task for task in job.tasks.values() if task.status is Status.ERROR]
    if end.culprit is not None:
        log.error(
            "job %s of %s was given up, and is in the dead letter: %s",
            job.uuid,
            job.process,
            end.text.removeprefix("given up: "),
            extra=told,
        )
    elif failed and job.status is not Status.CANCELLED:
        first, text = failed[0].name, failed[0].error[:LOGGED_TEXT]
        counts = (len(failed), len(job.tasks))
        log.warning(
            "job %s of %s ended %s, with %d of %d tasks failed, first %r: %s",
            job.uuid,
            job.process,
            job.status,
            *counts,
            first,
            text,
            extra=told,
        )
    elif log.isEnabledFor(logging.INFO):
        log.info("job %s of %s ended %s, tasks: %d", job.uuid, job.process, job.status, len(job.tasks), extra=told)
