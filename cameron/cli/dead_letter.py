"""`cameron dead`: the jobs that were given up, looked into and put back."""

import sys
from typing import Annotated, Any

import typer

from cameron.cli.jobs import LARGEST_PAGE, first, shown
from cameron.cli.options import LOCALLY, AsJson, Limit, ProcessName, Url


def dead(
    process: ProcessName,
    put_back: Annotated[bool, typer.Option("--put-back", help="Retry each job that is listed, which takes it out.")] = False,
    limit: Limit = 100,
    url: Url = LOCALLY,
    as_json: AsJson = False,
) -> None:
    """List the jobs of a process that were given up, as whoever ran them crashed again and again."""
    from cameron.cli.screen import print_json
    from cameron.client import Client

    with Client(url) as client:
        page = first(client.dead(process, min(limit, LARGEST_PAGE)), limit)
        if as_json:
            print_json(page)
        else:
            _print(page)
        if put_back:
            raise typer.Exit(_put_back(client, page["jobs"]))


def _print(page: dict[str, Any]) -> None:
    from cameron.cli.screen import put, table

    columns = ("time", "key", "task", "crashes", "crash", "location")
    put(table(columns, ([str(job[column]) for column in columns] for job in page["jobs"])))
    print(f"{shown(page)} in the dead letter")


def _put_back(client: Any, jobs: list[dict[str, Any]]) -> int:
    """Retry each; the exit status, 1 where one of them could not be. Another may have put it back, or its retention may be over."""
    from cameron.client import RequestFailed

    back = 0
    for job in jobs:
        try:
            client.retry(job["location"])
            back += 1
        except RequestFailed as error:
            print(f"cameron: {error}", file=sys.stderr)
    print(f"{back} of {len(jobs)} put back", file=sys.stderr)
    return 0 if back == len(jobs) else 1
