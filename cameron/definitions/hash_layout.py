"""The documented hash of a job: its fields as they are written, shown to clients, and read back for a rebuild."""

from collections.abc import Mapping, Sequence

from cameron.core.event import (
    Change,
    JobChanged,
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
from cameron.core.status import Status
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
    fields: list[str] = []
    record: list[str] = []
    errors: list[tuple[str, str]] = []
    discovered = False
    for change in changes:
        match change:
            case TaskChanged(name, status):
                fields += (f"task.{name}.status.current", status.value, f"task.{name}.status.{status.value}.time", stamp)
                _write_output(job.tasks[name], status, fields, errors)
            case TasksDiscovered(parent, names):
                discovered = True
                if parent is not None:
                    output = job.tasks[parent].output
                    record += (f"task.{parent}.next", compact([output.requestor if output else "", names]))
            case TaskTried(name):
                task = job.tasks[name]
                record += (f"task.{name}.attempts", str(task.attempts), f"task.{name}.until", str(task.until_ms))
            case JobChanged(status):
                fields += ("job.status.current", status.value, f"job.status.{status.value}.time", stamp)
                discovered = discovered or status is Status.RUNNING
    if discovered:
        fields += ("job.tasks", ",".join(job.tasks))
    return Writes(fields, record, errors)


def _write_output(task: Task, status: Status, fields: list[str], errors: list[tuple[str, str]]) -> None:
    if status is Status.DONE and task.output:
        fields += (f"task.{task.name}.output.data", task.output.data, f"task.{task.name}.output.next_activities", task.output.growth_text)
    elif status is Status.ERROR:
        fields += (f"task.{task.name}.output.data", task.error)
        errors.append((task.name, task.error))


def restore(dialect: Dialect, job: Job, fields: Mapping[str, str], record: Mapping[str, str]) -> Job:
    """A new job brought to where its record says it was, by the events that the record tells of.

    Tasks come in the order of their discovery, so each is there before what grew from it; every task gets the name it was given.
    Running tasks are pending afterwards: nobody waits for their replies any more.
    """
    names = [name for name in fields.get("job.tasks", "").split(",") if name]
    if names:
        job, _ = apply(job, JobStarted())
    for name in names:
        job = _replay(dialect, job, name, fields, record)
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
    attempts, until_ms = int(record.get(f"task.{name}.attempts", 1)), int(record.get(f"task.{name}.until", 0))
    tried = job._replace(tasks={**job.tasks, name: task._replace(attempts=attempts, until_ms=until_ms)})
    return apply(tried, TaskDue(name))[0]


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
