"""The documented hash of a job: its fields as they are written, shown to clients, and read back for a rebuild."""

from collections.abc import Mapping, Sequence

from cameron.core.event import (
    Change,
    JobChanged,
    JobEnded,
    JobStarted,
    TaskCalled,
    TaskChanged,
    TaskDue,
    TaskFailed,
    TaskReplied,
    TasksDiscovered,
    TaskTried,
)
from cameron.core.job import Job, Task, apply
from cameron.core.status import ENDED, Status
from cameron.core.strict_json import NotJson, compact, parse
from cameron.definitions.dialect import Dialect, JobRequest, Writes


def accepted(request: JobRequest, stamp: str) -> list[str]:
    """Fields and values of a job that is scheduled."""
    return [
        "job.key", request.key,
        "job.data", request.data,
        "job.requestor", request.requestor,
        "job.status.current", "scheduled",
        "job.status.scheduled.time", stamp,
    ]  # fmt: skip


def writes(job: Job, changes: Sequence[Change], stamp: str) -> Writes:
    """What the changes that led to this job make of its keys."""
    made = Writes([], [], [], [], [], [])
    fields, record = made.fields, made.record
    discovered = False
    for change in changes:
        match change:
            case TaskChanged(name, Status.SCHEDULED):
                _take_back(name, made)
            case TaskChanged(name, status):
                fields += (f"task.{name}.status.current", status.value, f"task.{name}.status.{status.value}.time", stamp)
                _write_output(job.tasks[name], status, made)
            case TasksDiscovered(parent, names):
                discovered = True
                if parent is not None:
                    output = job.tasks[parent].output
                    record += (f"task.{parent}.next", compact([output.requestor if output else "", names]))
            case TaskTried(name):
                _write_tries(job.tasks[name], record)
            case JobChanged(status):
                fields += ("job.status.current", status.value, f"job.status.{status.value}.time", stamp)
                discovered = discovered or status is Status.RUNNING
    if discovered:
        fields += ("job.tasks", ",".join(job.tasks))
    return made


def _write_output(task: Task, status: Status, made: Writes) -> None:
    of = f"task.{task.name}.output"
    if status is Status.DONE and task.output:
        made.fields.extend((f"{of}.data", task.output.data, f"{of}.next_activities", task.output.growth_text))
    elif status is Status.ERROR:
        made.fields.extend((f"{of}.data", task.error))
        made.errors.append((task.name, task.error))


def _write_tries(task: Task, record: list[str]) -> None:
    of = f"task.{task.name}"
    record += (f"{of}.attempts", str(task.attempts), f"{of}.until", str(task.until_ms))
    if task.crashes:
        record += (f"{of}.crashes", str(task.crashes))


def _take_back(name: str, made: Writes) -> None:
    """A task that is to be called as if it never had been: one that is known, but not begun, has no fields."""
    of = f"task.{name}"
    made.removed_fields.extend(
        f"{of}.{field}" for field in ("status.current", "status.running.time", "status.error.time", "output.data", "output.next_activities")
    )
    made.removed_record.extend(f"{of}.{field}" for field in ("attempts", "until", "crashes"))
    made.removed_errors.append(name)


def restore(dialect: Dialect, job: Job, fields: Mapping[str, str], record: Mapping[str, str]) -> Job:
    """A new job brought to where its record says it was, by the events that the record tells of.

    Tasks come in the order of their discovery, so each is there before what grew from it; every task gets the name it was given.
    Running tasks are pending afterwards: nobody waits for their replies any more.
    """
    status = Status(fields.get("job.status.current", Status.SCHEDULED))
    names = [name for name in fields.get("job.tasks", "").split(",") if name]
    if status is not Status.SCHEDULED:
        job, _ = apply(job, JobStarted())
    for name in names:
        job = _replay(dialect, job, name, fields, record)
    if status in ENDED:
        job, _ = apply(job, JobEnded(status))
    return job._replace(tasks={name: job.tasks[name] for name in names if name in job.tasks} | job.tasks)


def _replay(dialect: Dialect, job: Job, name: str, fields: Mapping[str, str], record: Mapping[str, str]) -> Job:
    status = fields.get(f"task.{name}.status.current")
    if status is None:
        return job
    data = fields.get(f"task.{name}.output.data", "null")
    if f"task.{name}.status.running.time" in fields:
        job, _ = apply(job, TaskCalled(name))
    task = job.tasks[name]
    if status == Status.DONE:
        growth_text = fields.get(f"task.{name}.output.next_activities", "undefined")
        success = dialect.recorded(job, task, data, growth_text, record.get(f"task.{name}.next", ""))
        return apply(job, TaskReplied(name, success))[0]
    if status == Status.ERROR:
        return apply(job, TaskFailed(name, data))[0]
    tried = task._replace(
        attempts=int(record.get(f"task.{name}.attempts", 1)),
        until_ms=int(record.get(f"task.{name}.until", 0)),
        crashes=int(record.get(f"task.{name}.crashes", 0)),
    )
    job = job._replace(tasks={**job.tasks, name: tried})
    return apply(job, TaskDue(name))[0]


def failed(fields: Mapping[str, str]) -> list[str]:
    """The tasks in error."""
    return [name for name in fields.get("job.tasks", "").split(",") if fields.get(f"task.{name}.status.current") == Status.ERROR]


def show(process: str, key: str, uuid: str, fields: Mapping[str, str]) -> bytes:
    """`{"process", "uuid", "key", "requestor", "status": {"current", "time"}, "tasks": [{"name", "status", "data"}]}`."""
    names = [name for name in fields.get("job.tasks", "").split(",") if name]
    tasks = ",".join(_show_task(name, fields) for name in names)
    requestor = compact(fields.get("job.requestor", ""))
    return (
        f'{{"process":{compact(process)},"uuid":{compact(uuid)},"key":{compact(key)},"requestor":{requestor},'
        f'"status":{_show_status("job", fields)},"tasks":[{tasks}]}}'
    ).encode()


def _show_status(of: str, fields: Mapping[str, str]) -> str:
    current = fields.get(f"{of}.status.current", Status.SCHEDULED.value)
    return f'{{"current":{compact(current)},"time":{compact(fields.get(f"{of}.status.{current}.time"))}}}'


def _show_task(name: str, fields: Mapping[str, str]) -> str:
    of = f"task.{name}"
    failed = fields.get(f"{of}.status.current") == Status.ERROR
    return f'{{"name":{compact(name)},"status":{_show_status(of, fields)},"data":{_show_data(fields.get(f"{of}.output.data"), failed)}}}'


def _show_data(text: str | None, failed: bool) -> str:
    """Data is kept as JSON text and goes out as it is; an error's text, and what an operator may have written, as a string."""
    if text is None:
        return "null"
    if failed:
        return compact(text)
    try:
        parse(text.encode())
    except NotJson:
        return compact(text)
    return text
