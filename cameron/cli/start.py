"""`cameron start`: a new job, and what becomes of it."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cameron.cli.options import LOCALLY, Url
from cameron.errors import WrongUse

if TYPE_CHECKING:
    from cameron.client import Client, StartedJob


def start(
    name: Annotated[str, typer.Argument(help="The process to start a job of, as `cameron check` lists it.")],
    key: Annotated[str | None, typer.Option("--key", "-k", help="What the job is about, such as an order's number, if need be.")] = None,
    data: Annotated[
        str | None, typer.Option("--data", "-d", help="JSON where it parses, else taken as text; null where it is left out.")
    ] = None,
    requestor: Annotated[str | None, typer.Option("--requestor", "-r", help="Who asks.")] = None,
    body: Annotated[
        str | None,
        typer.Option("--body", "-b", help="Instead of these: all that is sent, as JSON, for a process that takes no key and data."),
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option("--idempotency-key", "-i", help="Of all starts with the same one only the first starts a job.")
    ] = None,
    url: Url = LOCALLY,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show each task as it goes, and the result at the end.")] = False,
) -> None:
    """Start a job; prints its location, by which `cameron job` finds it. It takes a --key, --data, or a whole --body."""
    if body is not None and (key, data, requestor) != (None, None, None):
        raise WrongUse("--body is all that is sent: leave out --key, --data and --requestor, or write them into it")
    from cameron.client import Client

    with Client(url) as client:
        job = _start(client, name, key, _parsed(data), requestor or "", body, idempotency_key)
        print(job.location, flush=True)
        if job.existing:
            print("cameron: that job was there already; none was started", file=sys.stderr)
        if follow:
            from cameron.cli.follow import follow_job

            raise typer.Exit(follow_job(client, job.location))


def _start(
    client: "Client", name: str, key: str | None, data: Any, requestor: str, body: str | None, idempotency_key: str | None
) -> "StartedJob":
    if body is not None:
        return client.start_with(name, body.encode(errors="surrogateescape"), idempotency_key)
    if (key, data) == (None, None):
        raise WrongUse("say what the job is about with --key, give it --data, or give all that is to be sent with --body")
    return client.start(name, key, data, requestor, idempotency_key)


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
