"""What goes into and out of a process that performs one activity, `cameron.isolated_activity`: a line of JSON, then bytes as they are."""

import json
from typing import Any, NamedTuple

from cameron.activities.call import Failure
from cameron.activities.python_activity import PythonActivity, PythonTask, Result

MODULE = "cameron.isolated_activity"  # what Python is started with: `python -m`
ENVELOPE_BYTES = 32 * 1024  # at most so much is written besides the body, which `PythonTask.max_bytes` bounds


class IsolatedRun(NamedTuple):
    """A request."""

    activity: PythonActivity
    task: PythonTask
    path: str  # put first on sys.path; "": nothing is
    redis_url: str  # of the session, which is connected to once it is used
    redis_timeout_s: float


def request_text(run: IsolatedRun) -> bytes:
    """What the process reads from stdin, to its end."""
    task = run.task
    sizes = {"data": len(task.data), "config": len(task.config)}
    head = run._asdict() | {"task": task._replace(data=b"", config=b"")._asdict() | sizes}
    return json.dumps(head).encode() + b"\n" + task.data + task.config


def read_request(stdin: bytes) -> IsolatedRun:
    """The request. Raises ValueError for what is none."""
    line, _, rest = stdin.partition(b"\n")
    try:
        head: dict[str, Any] = json.loads(line)
        sizes = head["task"]["data"], head["task"]["config"]
        if len(rest) != sum(sizes):
            raise ValueError(f"{len(rest)} bytes of data and config instead of {sum(sizes)}")
        head["activity"] = PythonActivity(*head["activity"])
        head["task"] = PythonTask(**head["task"] | {"data": rest[: sizes[0]], "config": rest[sizes[0] :]})
        return IsolatedRun(**head)
    except (TypeError, LookupError, ValueError) as error:
        raise ValueError(f"this is no request that cameron.activities.isolated_run has written: {error}") from None


def result_text(result: Result) -> bytes:
    """What the process writes to stdout."""
    head = {"failure": result.failure, "error": result.error, "bytes": len(result.body)}
    return json.dumps(head).encode() + b"\n" + result.body


def read_result(stdout: bytes) -> Result | None:
    """What the process has written; None where that is no whole result: it has crashed, whatever its exit status."""
    line, _, body = stdout.partition(b"\n")
    try:
        head: dict[str, Any] = json.loads(line)
        failure = None if head["failure"] is None else Failure(head["failure"])
        return Result(body, failure, str(head["error"])) if len(body) == head["bytes"] else None
    except (TypeError, LookupError, ValueError):
        return None
