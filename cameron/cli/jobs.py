"""`cameron jobs`: the jobs of a process."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from cameron.cli.options import LOCALLY, AsJson, Limit, ProcessName, Url

LARGEST_PAGE = 1000
TIMES = "2026-11-21, '2026-11-21 00:47' or 2026-11-21T00:47:00Z, local where it names no zone"


def _rfc3339(text: str | None) -> str | None:
    """A time that a person has typed, local where it names no zone, as the API reads it."""
    from datetime import UTC, datetime

    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is no time such as {TIMES}") from None


def jobs(
    process: ProcessName,
    status: Annotated[str | None, typer.Option("--status", "-s", help="Only of these, such as error,cancelled.")] = None,
    key: Annotated[str | None, typer.Option("--key", "-k", help="Only of exactly this key.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", help=f"Come to their status at this time or later: {TIMES}.", callback=_rfc3339)
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help=f"Come to their status before this time: {TIMES}.", callback=_rfc3339)
    ] = None,
    limit: Limit = 100,
    url: Url = LOCALLY,
    as_json: AsJson = False,
) -> None:
    """List the jobs of a process, newest first."""
    from cameron.cli.screen import print_json, put, table
    from cameron.client import Client

    with Client(url) as client:
        pages = client.jobs(process, () if status is None else status.split(","), key, since, until, min(limit, LARGEST_PAGE))
        page = first(pages, limit)
    if as_json:
        print_json(page)
        return
    put(table(("since", "status", "key", "location"), ((j["since"], j["status"], j["key"], j["location"]) for j in page["jobs"])))
    print(f"{shown(page)}; of this process there are {_counts(page['counts'])}")


def first(pages: Iterator[dict[str, Any]], limit: int) -> dict[str, Any]:
    """The first `limit` entries of a list in one document; instead of a cursor, which would not fit, it says whether there are `more`."""
    page = next(pages)
    about = {name: value for name, value in page.items() if name != "next"}
    jobs = list(page["jobs"])
    while page["next"] and len(jobs) < limit:
        page = next(pages)
        jobs += page["jobs"]
    return {**about, "jobs": jobs[:limit], "more": bool(page["next"]) or len(jobs) > limit}


def shown(page: dict[str, Any]) -> str:
    """How many are listed, and whether there are more."""
    count = len(page["jobs"])
    return f"{count} job{'' if count == 1 else 's'}" + (", and there are more (see --limit)" if page["more"] else "")


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {status}" for status, count in counts.items())
