"""`cameron start`: a new job, and what becomes of it."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cameron.cli.options import LOCALLY, Url

if TYPE_CHECKING:
    from cameron.client import Client


def start(
    name: Annotated[str, typer.Argument(help="The process to start a job of.")],
    key: Annotated[str, typer.Option("--key", "-k", help="What the job is about, such as an order's number.")],
    data: Annotated[
        str | None, typer.Option("--data", "-d", help="JSON where it parses, else taken as text; null where it is left out.")
    ] = None,
    requestor: Annotated[str, typer.Option("--requestor", "-r", help="Who asks.")] = "",
    idempotency_key: Annotated[
        str | None, typer.Option("--idempotency-key", "-i", help="Of all starts with the same one only the first starts a job.")
    ] = None,
    url: Url = LOCALLY,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show each task as it goes, and the result at the end.")] = False,
) -> None:
    """Start a job; prints its location, by which `cameron job` finds it."""
    from cameron.client import Client

    with Client(url) as client:
        job = client.start(name, key, _parsed(data), requestor, idempotency_key)
        print(job.location, flush=True)
        if job.existing:
            print("cameron: that job was there already; none was started", file=sys.stderr)
        if follow:
            raise typer.Exit(_follow(client, job.location))


def _parsed(data: str | None) -> Any:
    import json

    if data is None:
        return None
    try:
        return json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return data


def _no_constant(name: str) -> Any:
    """NaN and Infinity are no JSON, whatever Python's parser says: they stay text."""
    raise ValueError(name)


def _follow(client: "Client", location: str) -> int:
    """Print each change of a task's status until the job has ended; the exit status, 1 where a task or the job failed."""
    from cameron.cli.screen import print_json

    seen: dict[str, str] = {}
    state: dict[str, Any] = {}
    for state in client.follow(location):
        for task in state["tasks"]:
            status = task["status"]["current"]
            if seen.get(task["name"]) != status:
                seen[task["name"]] = status
                print(f"{_time_of(task)}  {task['name']}  {status}", flush=True)
    print_json(state)
    return 0 if state["status"]["current"] == "done" and "error" not in seen.values() else 1


def _time_of(task: dict[str, Any]) -> str:
    """The time of day of a task's last change, as the server wrote it; a task that has not begun has none."""
    return str(task["status"].get("time") or "--:--:--").split(" ")[-1]
