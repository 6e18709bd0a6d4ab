"""What `cameron start --follow` shows: each task of a job as it goes, and the job at its end.

Where the job is, its explanation says, which is the same for all dialects. What has come of its tasks, the job itself says, in a form that
each dialect has of its own; what it leaves out is told by the explanation, as far as that has it.
"""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from cameron.cli.screen import print_json, printable

if TYPE_CHECKING:
    from cameron.client import Client

POLL_S = 0.1
UNDER_WAY = ("calling", "retrying", "awaiting")  # members of an explanation


class Step(NamedTuple):
    """What is known of a task."""

    task: str
    status: str
    at: str = ""  # the time of day as the server wrote it; "": it did not


def follow_job(client: "Client", location: str) -> int:
    """Print each change of a task's status until the job has ended; the exit status, 1 where a task or the job failed."""
    from cameron.client import ENDED

    seen: dict[str, str] = {}
    while True:
        explanation = client.explain(location)  # asked first: a job that has ended changes no more
        job = client.job(location)
        for step in steps(job, explanation):
            if seen.get(step.task) != step.status:
                seen[step.task] = step.status
                at = step.at or time.strftime("%H:%M:%S")
                print(f"{at}  {printable(step.task)}  {printable(step.status)}", flush=True)
        if explanation["status"] in ENDED:
            print_json(job)
            return 0 if explanation["status"] == "done" and not explanation.get("failed") else 1
        time.sleep(POLL_S)


def steps(job: dict[str, Any], explanation: dict[str, Any]) -> list[Step]:
    """What the two say of the job's tasks, each named once."""
    under_way = {task["task"]: Step(task["task"], "running") for kind in UNDER_WAY for task in explanation.get(kind, ())}
    return list({**under_way, **{step.task: step for step in _shown(job)}}.values())


def _shown(job: dict[str, Any]) -> Iterator[Step]:
    """The tasks that a job shows: objects in a list that have a name and say how they are."""
    for listed in job.values():
        for task in listed if isinstance(listed, list) else ():
            match task:
                case {"name": str(name), "status": {"current": str(status), **more}}:
                    yield Step(name, status, str(more.get("time") or "--:--:--").split(" ")[-1])
                case {"name": str(name), "status": str(status)}:
                    yield Step(name, status)
                case {"name": str(name), "success": bool(success), "skipped": bool(skipped)}:
                    yield Step(name, "skipped" if skipped else "done" if success else "error")
