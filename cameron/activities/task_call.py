"""The HTTP request that calls a task: its address, its headers, its body."""

from hashlib import blake2b
from urllib.parse import quote

from cameron.activities.call import Call, ReplyTo
from cameron.core.job import Job, Task

_UNCHANGED = " !\"#$&'()*+,-./:;<=>?@[]^_`{|}~"  # in a header: all of printable ASCII but '%'


def job_headers(job: Job) -> tuple[str, ...]:
    """The headers that are the same for all calls of a job."""
    return ("Content-Type: application/json", f"X-Cameron-Process: {job.process}", f"X-Cameron-Job: {job.uuid}")


def task_call(job: Job, headers: tuple[str, ...], task: Task, reply_to: ReplyTo, max_reply_bytes: int) -> Call:
    """The call of a task's present attempt; `headers` are the job's.

    Names in headers are percent-encoded where they are not printable ASCII. `traceparent` has the job's uuid as trace, so that all calls of
    a job are one trace; `Idempotency-Key` is the same for every attempt of a task.
    """
    activity = task.activity
    name = task.name if task.name.isalnum() and task.name.isascii() else quote(task.name, safe=_UNCHANGED)
    span = blake2b(f"{task.name} {task.attempts}".encode(), digest_size=8).hexdigest()
    return Call(
        reply_to,
        task.name,
        task.attempts,
        activity.call.method,
        activity.call.url,
        (
            *headers,
            f"X-Cameron-Task: {name}",
            f"X-Cameron-Attempt: {task.attempts}",
            f"Idempotency-Key: {job.uuid}/{name}",
            f"traceparent: 00-{job.uuid}-{span}-01",
        ),
        task.payload,
        activity.timeouts.connect_s,
        activity.timeouts.call_s,
        max_reply_bytes,
        activity.at_most_once,
    )
