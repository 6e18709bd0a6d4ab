"""What is sent to perform a task's attempt: a call with its headers, a program with its environment, or a Python activity with its data."""

from hashlib import blake2b
from urllib.parse import quote

from cameron.activities.call import Call, CommandRun, PythonRun, ReplyTo
from cameron.core.event import CommandLine, HttpRequest, Invocation
from cameron.core.job import Job, Task

PLAIN = HttpRequest("", b"").headers
_UNCHANGED = " !\"#$&'()*+,-./:;<=>?@[]^_`{|}~"  # in a header: all of printable ASCII but '%'


def job_headers(job: Job) -> tuple[str, ...]:
    """The headers that are the same for all calls of a job."""
    return (f"X-Cameron-Process: {job.process}", f"X-Cameron-Job: {job.uuid}")


def task_call(
    job: Job, headers: tuple[str, ...], task: Task, request: HttpRequest, reply_to: ReplyTo, max_reply_bytes: int, callback_url: str = ""
) -> Call:
    """The call of a task's present attempt; `headers` are the job's.

    Names in headers are percent-encoded where they are not printable ASCII. `traceparent` has the job's uuid as trace, so that all calls of
    a job are one trace; `Idempotency-Key` is the same for every attempt of a task. A header that the definition sets itself wins.
    """
    activity = task.activity
    name = task.name if task.name.isalnum() and task.name.isascii() else quote(task.name, safe=_UNCHANGED)
    span = blake2b(f"{task.name} {task.attempts}".encode(), digest_size=8).hexdigest()
    ours = (
        *headers,
        f"X-Cameron-Task: {name}",
        f"X-Cameron-Attempt: {task.attempts}",
        f"Idempotency-Key: {job.uuid}/{name}",
        f"traceparent: 00-{job.uuid}-{span}-01",
    )
    if callback_url:
        ours += (f"X-Cameron-Callback: {callback_url}",)
    return Call(
        reply_to,
        task.name,
        task.attempts,
        request.method,
        request.url,
        (*request.headers, *(ours if request.headers is PLAIN else _without(ours, request.headers))),
        request.body,
        activity.timeouts.connect_s,
        activity.timeouts.call_s,
        max_reply_bytes,
        activity.at_most_once,
    )


def _without(headers: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    taken = {header.partition(":")[0].lower() for header in others}
    return tuple(header for header in headers if header.partition(":")[0].lower() not in taken)


def task_command(job: Job, task: Task, line: CommandLine, reply_to: ReplyTo) -> CommandRun:
    """The run of a task's present attempt; the program learns from its environment whose it is."""
    env = (
        ("CAMERON_PROCESS", job.process),
        ("CAMERON_JOB", job.uuid),
        ("CAMERON_TASK", task.name),
        ("CAMERON_ATTEMPT", str(task.attempts)),
        ("CAMERON_IDEMPOTENCY_KEY", f"{job.uuid}/{task.name}"),
    )
    return CommandRun(reply_to, task.name, task.attempts, line.command, line.stdin, line.timeout_s, env, task.activity.at_most_once)


def task_python(job: Job, task: Task, of: Invocation, reply_to: ReplyTo) -> PythonRun:
    """The run of a task's present attempt."""
    about = (job.process, job.key, job.uuid)
    fresh = task.activity.at_most_once
    return PythonRun(reply_to, task.name, task.attempts, of.activity, of.data, of.config, of.timeout_s, of.isolation, *about, fresh)
