"""What is to happen next in a job, as values. Whoever holds the job enacts them; nothing is called or written from here.

    for decision in decide(process, job, now_ms, chance): enact(decision)

Decisions are events of `job.apply`. Enacting them may open new questions (a failed task frees the one that waited for it), so a runner
asks again until there is no decision left; what it is then waiting for are replies, timers, and nothing else.
"""

from cameron.core.event import Awaited, Event, Failure, JobEnded, Success, TaskCalled, TaskDelayed, TaskFailed, TaskReplied, TaskWaits
from cameron.core.job import SUSPICION, Job, Task
from cameron.core.process import Process
from cameron.core.retry import delay_s, may_retry
from cameron.core.status import Status


def decide(process: Process, job: Job, now_ms: int, chance: float) -> list[Event]:
    """The decisions that are due, in the order in which to enact them.

    `now_ms` is the time in epoch milliseconds, `chance` a number in [0, 1) that jitter is drawn from.
    """
    if job.status is not Status.RUNNING:
        return []
    if now_ms >= job.deadline_ms:
        limit = "setting job.timeout_s, or the process's option timeout_s"
        return [JobEnded(Status.ERROR, f"not finished within the job's {process.limits.timeout_s:g} s ({limit})")]
    decisions: list[Event] = []
    for name in job.pending:
        decision = _about(process, job, job.tasks[name], now_ms, chance)
        if isinstance(decision, JobEnded):
            return [decision]
        if decision:
            decisions.append(decision)
    if decisions:
        return decisions
    if job.failing and not job.running:
        return [JobEnded(Status.ERROR)]
    if not job.open:
        return [JobEnded(Status.DONE)]
    return []


def _about(process: Process, job: Job, task: Task, now_ms: int, chance: float) -> Event | None:
    """What to do about a pending task; None: nothing new starts in a job that is failing."""
    if task.status is Status.SCHEDULED:
        return None if job.failing else TaskCalled(task.name)
    if task.failure:
        return _after_failure(task, now_ms, chance)
    if task.crashes >= _crashes_borne(process, task):
        return JobEnded(Status.ERROR, _given_up(task), task.name)
    if task.awaited:
        return _about_awaited(task, task.awaited, now_ms)
    if task.until_ms > now_ms:  # restored while it waited
        return TaskDelayed(task.name, task.until_ms)
    if task.activity.at_most_once and not task.until_ms:  # restored while its call was under way
        return TaskFailed(task.name, "interrupted while it was called; it is called at most once, so its outcome is unknown")
    return TaskCalled(task.name)


def _about_awaited(task: Task, awaited: Awaited, now_ms: int) -> Event:
    until_ms = task.until_ms or now_ms + int(1000 * awaited.for_s)
    if until_ms > now_ms:
        return TaskWaits(task.name, until_ms)
    if awaited.callback:
        return TaskReplied(task.name, Failure("timeout", f"timeout: no callback came within {awaited.for_s:g} s"))
    return TaskReplied(task.name, Success("null"))


def _after_failure(task: Task, now_ms: int, chance: float) -> Event:
    failure, policy = task.failure, task.activity.retry
    assert failure is not None
    if not may_retry(policy, task.failures, failure.kind, task.activity.at_most_once):
        tried = f" ({task.attempts} attempts)" if task.attempts > 1 else ""
        return TaskFailed(task.name, failure.text + tried)
    return TaskDelayed(task.name, now_ms + int(1000 * delay_s(policy, task.failures, chance, failure.retry_after_s)))


def _crashes_borne(process: Process, task: Task) -> int:
    """A task that may only have waited beside the one that killed is not to blame before it has done so as a suspect, which runs alone."""
    most = process.limits.max_crashes
    return max(most, SUSPICION + 1) if task.may_not_have_begun else most


def _given_up(task: Task) -> str:
    return f"given up: whoever ran this job has died {task.crashes} times while task {task.name!r} was called (setting job.max_crashes)"
