"""A job: a growing graph of tasks, as frozen values, and the one way in which it changes.

`apply(job, event) -> (job, changes)` is the whole life of a job. Events are facts from outside (a reply came, a timer is due, the time is
up) and the decisions of `decider.decide` once they are enacted (this task is called, that one has failed): whatever happens, happens
through the same door, and `LEGAL` says what may follow what. Whoever applies several events to one job makes it their `own` first, and
then `follow_on`: a job of 10,000 tasks is copied once then, not once an event.

The graph: a task may wait for others (`after`), and it may grow children when its reply names next activities. A task's *branch* is the
task with everything that grew from it. An `after` edge waits for the whole branch; so `parallelizable: "no"` is a chain of such edges, and
a list of activities of which one is not independent is the same thing without children. Each task counts what it still waits for and what
is still open in its branch, so that an event costs what it changes, not what the job holds.
"""

from collections.abc import Iterable
from typing import NamedTuple

from cameron.core.event import (
    Awaited,
    Change,
    Event,
    Failure,
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
    TaskSkipped,
    TaskTried,
    TaskWaits,
)
from cameron.core.process import Activity, Limits, Process
from cameron.core.status import IllegalTransition, Status, follow

SUSPICION = 2  # crashes with one and the same task, from which on its job runs beside no other such job on a node


class Task(NamedTuple):
    """One run of an activity."""

    name: str  # unique in its job
    activity: Activity
    parent: str | None
    depth: int
    payload: bytes  # the body it is called with
    waits_for: int = 0  # branches that have to end before it starts
    followers: tuple[str, ...] = ()  # tasks that wait for this one's branch
    open: int = 1  # itself and its children's branches, as far as they have not ended
    status: Status = Status.SCHEDULED
    attempts: int = 0
    failures: int = 0  # attempts that have failed; those that were cut short by whoever ran the job are none
    begun: int = 0  # the last attempt that is known to have been given a free place
    until_ms: int = 0  # not to be called before; 0: no delay
    crashes: int = 0  # of whoever ran the job, with this task's call under way
    failure: Failure | None = None  # of the last attempt, until it is decided what follows
    awaited: Awaited | None = None  # what the last attempt has left to wait for
    note: str = ""  # of the last attempt, see HttpRequest
    output: Success | None = None
    error: str = ""  # why it has failed, or was skipped

    @property
    def may_not_have_begun(self) -> bool:
        """Whether its attempt, as far as is known, still waits for a place; one that kills its node at once is not known to have one."""
        return self.activity.takes_a_place and self.begun != self.attempts


class Job(NamedTuple):
    """One run of a process."""

    process: str
    key: str
    uuid: str
    deadline_ms: int
    limits: Limits
    status: Status
    tasks: dict[str, Task]  # in order of discovery; changed in place by nobody but `follow_on`
    pending: dict[str, None]  # tasks about which something is to be decided, in order; likewise
    open: int  # tasks that have not ended
    running: int
    failing: bool = False  # a required task has failed for good: nothing new starts
    stored_bytes: int = 0


def new_job(process: Process, key: str, uuid: str, payload: bytes, deadline_ms: int) -> Job:
    """A job as it is accepted: its definition's activities are its first tasks; those that wait for nothing are pending.

    `payload` is the request body of those tasks; `deadline_ms` the time (epoch milliseconds) at which the job ends, come what may.
    """
    tasks: dict[str, Task] = {}
    for activity in process.activities:
        tasks[activity.name] = Task(activity.name, activity, None, 1, payload, waits_for=len(activity.after))
        for earlier in activity.after:
            tasks[earlier] = tasks[earlier]._replace(followers=(*tasks[earlier].followers, activity.name))
    pending = dict.fromkeys(name for name, task in tasks.items() if not task.waits_for)
    return Job(process.name, key, uuid, deadline_ms, process.limits, Status.SCHEDULED, tasks, pending, len(tasks), 0)


def apply(job: Job, event: Event) -> tuple[Job, list[Change]]:
    """The job after the event, and what changed. The job given stays as it was. Raises IllegalTransition."""
    return follow_on(own(job), event)


def own(job: Job) -> Job:
    """The same job, for somebody who will `follow_on` with it alone."""
    return job._replace(tasks=dict(job.tasks), pending=dict(job.pending))


def follow_on(job: Job, event: Event) -> tuple[Job, list[Change]]:
    """As `apply`, to a job of one's `own`, which is used up: the one that is returned takes its place. Where it raises, nothing changes."""
    match event:
        case TaskReplied(name, Success() as success):
            return _succeeded(job, job.tasks[name], success)
        case TaskReplied(name, Failure() as failure):
            task = _running(job.tasks[name])
            return _pend(job, task._replace(failure=failure, failures=task.failures + 1, awaited=None)), []
        case TaskReplied(name, Awaited() as awaited):
            return _pend(job, _running(job.tasks[name])._replace(awaited=awaited, until_ms=0)), []
        case TaskCalled(name, note):
            return _called(job, job.tasks[name], note)
        case TaskBegun(name):
            task = _running(job.tasks[name])
            job.tasks[name] = task._replace(begun=task.attempts)
            return job, [TaskTried(name)]
        case TaskSkipped(name, why):
            return _skipped(job, job.tasks[name], why)
        case TaskFailed(name, text):
            return _failed(job, job.tasks[name], text)
        case TaskWaits(name, until_ms):
            return _unpend(job, _running(job.tasks[name])._replace(until_ms=until_ms)), [TaskTried(name)]
        case TaskDelayed(name, until_ms):
            task = _running(job.tasks[name])._replace(until_ms=until_ms, failure=None, awaited=None)
            return _unpend(job, task), [TaskTried(name)]
        case TaskDue(name):
            return _pend(job, _running(job.tasks[name])), []
        case TaskInterrupted(name):
            task = _running(job.tasks[name])
            return _pend(job, task._replace(crashes=task.crashes + 1)), [TaskTried(name)]
        case JobStarted():
            return job._replace(status=follow(job.status, Status.RUNNING)), [JobChanged(Status.RUNNING)]
        case JobEnded(status, text):
            return _ended(job, status, text)
        case JobRetried():
            return _retried(job)
    raise TypeError(f"{event!r} is no event")


def _running(task: Task) -> Task:
    if task.status is not Status.RUNNING:
        raise IllegalTransition(f"task {task.name!r} is {task.status}: no attempt of it is under way")
    return task


def _pend(job: Job, task: Task) -> Job:
    job.tasks[task.name] = task
    job.pending[task.name] = None
    return job


def _unpend(job: Job, task: Task) -> Job:
    job.tasks[task.name] = task
    job.pending.pop(task.name, None)
    return job


def _called(job: Job, task: Task, note: str) -> tuple[Job, list[Change]]:
    name, again = task.name, task.status is Status.RUNNING
    status = task.status if again else follow(task.status, Status.RUNNING)
    _unpend(job, task._replace(status=status, attempts=task.attempts + 1, until_ms=0, failure=None, awaited=None, note=note))
    if again:
        return job, [TaskTried(name)]
    return job._replace(running=job.running + 1), [TaskChanged(name, status)]


def _succeeded(job: Job, task: Task, success: Success) -> tuple[Job, list[Change]]:
    status = follow(task.status, Status.DONE)
    stored_bytes = job.stored_bytes + _bytes(success.data) + _bytes(success.growth_text)
    if success.names is None and (fault := _limit_fault(job, task, success, stored_bytes)):
        return _pend(job, task._replace(failure=Failure("limit", fault))), []
    tasks, changes = job.tasks, list[Change]()
    changes.append(TaskChanged(task.name, status))
    names: tuple[str, ...] = ()
    if success.growth:
        names = success.names or _fresh_names(tasks, (activity.name for activity in success.growth.activities))
        changes.append(TasksDiscovered(task.name, names))
        _grow(tasks, task, success, names)
    open_now = task.open - 1 + len(names)
    _unpend(job, task._replace(status=status, output=success, open=open_now, until_ms=0, failure=None, awaited=None))
    if names and not task.waits_for:
        job.pending.update(dict.fromkeys(names if success.growth and success.growth.parallel else names[:1]))
    _close(job, task.name)
    return job._replace(
        open=job.open - 1 + len(names),
        running=job.running - 1,
        stored_bytes=stored_bytes,
    ), changes


def _limit_fault(job: Job, task: Task, success: Success, stored_bytes: int) -> str | None:
    limits, growing = job.limits, len(success.growth.activities) if success.growth else 0
    if stored_bytes > limits.max_stored_bytes:
        return f"the job would store more than {limits.max_stored_bytes} bytes of output (setting job.max_stored_bytes)"
    if growing and len(job.tasks) + growing > limits.max_tasks:
        limit = "setting job.max_tasks, or the process's option max_tasks"
        return f"its {growing} next activities would bring the job above {limits.max_tasks} tasks ({limit})"
    if growing and task.depth >= limits.max_depth:
        return f"its next activities would be deeper than {limits.max_depth} (setting job.max_depth)"
    return None


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _fresh_names(tasks: dict[str, Task], wanted: Iterable[str]) -> tuple[str, ...]:
    """Names unique in the job: a second task of a name is called `name#2`, a third `name#3`, in order of discovery."""
    given: dict[str, None] = {}
    counts: dict[str, int] = {}  # a thousand siblings of one name must not each count from the start
    for name in wanted:
        unique, count = name, counts.get(name, 1)
        while unique in tasks or unique in given:
            count += 1
            unique = f"{name}#{count}"
        counts[name] = count
        given[unique] = None
    return tuple(given)


def _grow(tasks: dict[str, Task], parent: Task, success: Success, names: tuple[str, ...]) -> None:
    growth = success.growth
    assert growth is not None
    chained = not growth.parallel
    for at, (name, activity) in enumerate(zip(names, growth.activities, strict=True)):
        tasks[name] = Task(
            name,
            activity,
            parent.name,
            parent.depth + 1,
            success.payload,
            waits_for=1 if (chained and at) or parent.waits_for else 0,
            followers=names[at + 1 : at + 2] if chained else (),
        )


def _close(job: Job, name: str) -> None:
    """Where the branch of the task that has just ended is closed, tell those that wait for it, and go up; who waits no more is pending."""
    tasks, ended = job.tasks, [name]
    while ended:
        task = tasks[ended.pop()]
        if task.open or task.waits_for:
            continue
        for follower in task.followers:
            _wait_for_one_less(job, follower, ended)
        if task.parent is not None:
            parent = tasks[task.parent]
            tasks[parent.name] = parent._replace(open=parent.open - 1)
            ended.append(parent.name)


def _wait_for_one_less(job: Job, name: str, ended: list[str]) -> None:
    """In a job that was retried, what is done may have waited for what is called again: then so did all that grew from it."""
    tasks, todo, done = job.tasks, [name], list[str]()
    while todo:
        name = todo.pop()
        task = tasks[name] = tasks[name]._replace(waits_for=tasks[name].waits_for - 1)
        if task.waits_for:
            continue
        if task.status is Status.SCHEDULED:
            job.pending[name] = None
            continue
        done.append(name)
        if task.output and task.output.growth:
            children = [child.name for child in tasks.values() if child.parent == name]
            todo += reversed(children if task.output.growth.parallel else children[:1])
    ended += reversed(done)  # whoever closes them takes the last one first: a task before its children, which tell it that they are closed


def _skipped(job: Job, task: Task, why: str) -> tuple[Job, list[Change]]:
    status = follow(task.status, Status.SKIPPED)
    _unpend(job, task._replace(status=status, error=why, open=task.open - 1))
    _close(job, task.name)
    return job._replace(open=job.open - 1), [TaskChanged(task.name, status)]


def _failed(job: Job, task: Task, text: str) -> tuple[Job, list[Change]]:
    status, was_running = follow(task.status, Status.ERROR), task.status is Status.RUNNING
    _unpend(job, task._replace(status=status, error=text, open=task.open - 1, until_ms=0, failure=None, awaited=None))
    _close(job, task.name)
    return job._replace(
        open=job.open - 1,
        running=job.running - was_running,
        failing=job.failing or task.activity.required,
        stored_bytes=job.stored_bytes + _bytes(text),
    ), [TaskChanged(task.name, status)]


def _ended(job: Job, status: Status, text: str) -> tuple[Job, list[Change]]:
    now, tasks, changes = follow(job.status, status), job.tasks, list[Change]()
    cut_short = [name for name, task in tasks.items() if task.status is Status.RUNNING] if job.running else []
    about_to_start = job.pending if text and status is Status.ERROR else ()  # bears the text where nothing ran
    for name in cut_short or about_to_start:
        tasks[name] = tasks[name]._replace(status=Status.ERROR, error=text, failure=None)
        changes.append(TaskChanged(name, Status.ERROR))
    changes.append(JobChanged(status))
    job.pending.clear()
    return job._replace(status=now, running=0), changes


def _retried(job: Job) -> tuple[Job, list[Change]]:
    """What has failed is as if it had not been called yet; what is to be called next shows when the job is restored from its record."""
    now, tasks, changes = follow(job.status, Status.SCHEDULED), job.tasks, list[Change]()
    for name, task in tasks.items():
        if task.status is Status.ERROR:
            tasks[name] = task._replace(status=follow(task.status, Status.SCHEDULED), error="", attempts=0, failures=0, begun=0, crashes=0)
            changes.append(TaskChanged(name, Status.SCHEDULED))
    changes.append(JobChanged(Status.SCHEDULED))
    return job._replace(status=now, failing=False), changes


def suspicion(job: Job) -> int:
    """The most crashes that a task has seen which is being called, or is about to be; one that waits for another attempt kills nobody."""
    return max((task.crashes for task in job.tasks.values() if task.status is Status.RUNNING and not task.until_ms), default=0)
