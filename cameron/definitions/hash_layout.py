"""The documented hash of a job: its fields as they are written, shown to clients, and read back for a rebuild."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from cameron.core.event import (
    Awaited,
    Change,
    JobChanged,
    JobEnded,
    JobStarted,
    Success,
    TaskCalled,
    TaskChanged,
    TaskDue,
    TaskFailed,
    TaskReplied,
    TasksDiscovered,
    TaskSkipped,
    TaskTried,
)
from cameron.core.job import Job, Task, follow_on, own
from cameron.core.status import ENDED, Status
from cameron.core.strict_json import NotJson, compact, parse
from cameron.definitions.dialect import JobRequest, Writes

JobKey = Callable[[str, str, str], str]  # process, key, uuid -> the name of a job's hash
Recorded = Callable[[Job, Task, str, str, str], Success]  # see `Dialect.recorded`


WORDS: Mapping[Status, str] = MappingProxyType({status: status.value for status in Status})


class Fields(NamedTuple):
    """What the hash's fields are called that are not of one task, and which words it has for what a job can be."""

    key: str = "job.key"
    data: str = "job.data"
    requestor: str = "job.requestor"  # "": there is none
    status: str = "job.status"  # with `.current` and `.{word}.time`
    tasks: str = "job.tasks"
    words: Mapping[Status, str] = WORDS


DOCUMENTED = Fields()


class HashLayout:
    """How one dialect's jobs are laid out; the tasks' fields are the same in all."""

    def __init__(self, job_key: JobKey, recorded: Recorded, fields: Fields = DOCUMENTED) -> None:
        self.job_key, self._recorded, self._fields = job_key, recorded, fields
        self._statuses = {word: status for status, word in fields.words.items()}

    # what is written

    def accepted(self, request: JobRequest, stamp: str) -> list[str]:
        """Fields and values of a job that is scheduled; its request's key is filled in."""
        of, word = self._fields, self._fields.words[Status.SCHEDULED]
        requestor = (of.requestor, request.requestor) if of.requestor else ()
        return [
            of.key, request.key,
            of.data, request.data,
            *requestor,
            f"{of.status}.current", word,
            f"{of.status}.{word}.time", stamp,
        ]  # fmt: skip

    def writes(self, job: Job, changes: Sequence[Change], stamp: str) -> Writes:
        """What the changes that led to this job make of its keys."""
        made = Writes([], [], [], [], [], [])
        fields, record = made.fields, made.record
        discovered = False
        for change in changes:
            match change:
                case TaskChanged(name, Status.SCHEDULED):
                    _take_back(name, made)
                case TaskChanged(name, status):
                    word = status.value
                    fields += (f"task.{name}.status.current", word, f"task.{name}.status.{word}.time", stamp)
                    _write_output(job.tasks[name], status, made)
                case TasksDiscovered(parent, names):
                    discovered = True
                    if parent is not None:
                        output = job.tasks[parent].output
                        record += (f"task.{parent}.next", compact([output.requestor if output else "", names]))
                case TaskTried(name):
                    _write_tries(job.tasks[name], record)
                case JobChanged(status):
                    of, word = self._fields.status, self._fields.words[status]
                    fields += (f"{of}.current", word, f"{of}.{word}.time", stamp)
                    discovered = discovered or status is Status.RUNNING
        if discovered:
            fields += (self._fields.tasks, ",".join(job.tasks))
        return made

    # what is read

    def key_in(self, fields: Mapping[str, str]) -> str:
        """The job's key."""
        return fields.get(self._fields.key, "")

    def data_in(self, fields: Mapping[str, str]) -> str:
        """What its client sent with it."""
        return fields.get(self._fields.data, "")

    def status_in(self, fields: Mapping[str, str]) -> Status | None:
        """What the job is; None where the hash does not say, or says what it cannot be."""
        return self._statuses.get(fields.get(f"{self._fields.status}.current", ""))

    def tasks_in(self, fields: Mapping[str, str]) -> list[str]:
        """The names of the tasks that are known, in order of discovery."""
        return [name for name in fields.get(self._fields.tasks, "").split(",") if name]

    def failed(self, fields: Mapping[str, str]) -> list[str]:
        """The tasks in error."""
        return [name for name in self.tasks_in(fields) if fields.get(f"task.{name}.status.current") == Status.ERROR]

    def restore(self, job: Job, fields: Mapping[str, str], record: Mapping[str, str]) -> Job:
        """A new job brought to where its record says it was, by the events that the record tells of.

        Tasks come in the order of their discovery, so each is there before what grew from it; every task gets the name it was given.
        Running tasks are pending afterwards: nobody waits for their replies any more.
        """
        status = self.status_in(fields) or Status.SCHEDULED
        names, job = self.tasks_in(fields), own(job)
        if status is not Status.SCHEDULED:
            job, _ = follow_on(job, JobStarted())
        for name in names:
            job = self._replay(job, name, fields, record)
        if status in ENDED:
            job, _ = follow_on(job, JobEnded(status))
        return job._replace(tasks={name: job.tasks[name] for name in names if name in job.tasks} | job.tasks)

    def _replay(self, job: Job, name: str, fields: Mapping[str, str], record: Mapping[str, str]) -> Job:
        status = fields.get(f"task.{name}.status.current")
        if status is None:
            return job
        data = fields.get(f"task.{name}.output.data", "null")
        if f"task.{name}.status.running.time" in fields:
            job, _ = follow_on(job, TaskCalled(name, record.get(f"task.{name}.note", "")))
        task = job.tasks[name]
        if status == Status.DONE:
            growth_text = fields.get(f"task.{name}.output.next_activities", "undefined")
            success = self._recorded(job, task, data, growth_text, record.get(f"task.{name}.next", ""))
            return follow_on(job, TaskReplied(name, success))[0]
        if status == Status.ERROR:
            return follow_on(job, TaskFailed(name, data))[0]
        if status == Status.SKIPPED:
            return follow_on(job, TaskSkipped(name, data))[0]
        attempts = int(record.get(f"task.{name}.attempts", 1))
        job.tasks[name] = task._replace(
            attempts=attempts,
            failures=int(record.get(f"task.{name}.failures", attempts - 1)),  # absent: of a first attempt, or from before they were counted
            begun=int(record.get(f"task.{name}.begun", 0)),
            until_ms=int(record.get(f"task.{name}.until", 0)),
            crashes=int(record.get(f"task.{name}.crashes", 0)),
            awaited=_awaited(record.get(f"task.{name}.awaited", "")),
        )
        return follow_on(job, TaskDue(name))[0]

    # what clients see

    def shown(self, fields: Mapping[str, str]) -> str:
        """What has happened, as members of a JSON object: `"status": {"current", "time"}, "tasks": [{"name", "status", "data"}]`."""
        tasks = ",".join(_show_task(name, fields) for name in self.tasks_in(fields))
        status = _show_status(self._fields.status, self._fields.words[Status.SCHEDULED], fields)
        return f'"status":{status},"tasks":[{tasks}]'


def _write_output(task: Task, status: Status, made: Writes) -> None:
    of = f"task.{task.name}.output"
    if status is Status.DONE and task.output:
        made.fields.extend((f"{of}.data", task.output.data, f"{of}.next_activities", task.output.growth_text or "undefined"))
    elif status is Status.ERROR:
        made.fields.extend((f"{of}.data", task.error))
        made.errors.append((task.name, task.error))
    elif status is Status.SKIPPED:
        made.fields.extend((f"{of}.data", task.error))
    elif task.note:
        made.record.extend((f"task.{task.name}.note", task.note))


def _write_tries(task: Task, record: list[str]) -> None:
    of = f"task.{task.name}"
    record += (f"{of}.attempts", str(task.attempts), f"{of}.until", str(task.until_ms))
    if task.awaited or task.activity.may_be_awaited:
        record += (f"{of}.awaited", _awaited_text(task.awaited))
    if task.failures or task.attempts > 1:
        record += (f"{of}.failures", str(task.failures))
    if task.begun:
        record += (f"{of}.begun", str(task.begun))
    if task.note:
        record += (f"{of}.note", task.note)
    if task.crashes:
        record += (f"{of}.crashes", str(task.crashes))


def _awaited_text(awaited: Awaited | None) -> str:
    return f"{'callback' if awaited.callback else 'delay'} {awaited.for_s!r}" if awaited else ""


def _awaited(text: str) -> Awaited | None:
    what, _, for_s = text.partition(" ")
    return Awaited(float(for_s), what == "callback") if what else None


def _take_back(name: str, made: Writes) -> None:
    """A task that is to be called as if it never had been: one that is known, but not begun, has no fields."""
    of = f"task.{name}"
    made.removed_fields.extend(
        f"{of}.{field}" for field in ("status.current", "status.running.time", "status.error.time", "output.data", "output.next_activities")
    )
    made.removed_record.extend(
        f"{of}.{field}" for field in ("attempts", "failures", "begun", "until", "awaited", "note", "crashes", "callback", "callback.by")
    )
    made.removed_errors.append(name)


def _show_status(of: str, first: str, fields: Mapping[str, str]) -> str:
    current = fields.get(f"{of}.current", first)
    return f'{{"current":{compact(current)},"time":{compact(fields.get(f"{of}.{current}.time"))}}}'


def _show_task(name: str, fields: Mapping[str, str]) -> str:
    of = f"task.{name}"
    is_text = fields.get(f"{of}.status.current") in (Status.ERROR, Status.SKIPPED)
    status = _show_status(f"{of}.status", Status.SCHEDULED.value, fields)
    return f'{{"name":{compact(name)},"status":{status},"data":{_show_data(fields.get(f"{of}.output.data"), is_text)}}}'


def _show_data(text: str | None, is_text: bool) -> str:
    """Data is kept as JSON text and goes out as it is; an error's text, and what an operator may have written, as a string."""
    if text is None:
        return "null"
    if is_text:
        return compact(text)
    try:
        parse(text.encode())
    except NotJson:
        return compact(text)
    return text
