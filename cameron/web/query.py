"""What the query string of a route may say: each part read and refused in one place."""

import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Final

import falcon

from cameron.core.status import OF_JOBS
from cameron.definitions.hint import closest
from cameron.errors import InvalidRequest
from cameron.store.job_index import JobQuery

SHOWN: Final = 100  # entries of a list where nobody says how many
MOST_SHOWN: Final = 1000
EVENTS_SHOWN: Final = 1000  # writes of a job whose events are shown where nobody says how many
MOST_EVENTS_SHOWN: Final = 10_000
LONGEST_CURSOR: Final = 2000  # characters
PAGED: Final = ("limit", "cursor")
JOBS: Final = ("status", "key", "since", "until", *PAGED)
EVENTS: Final = ("after", "limit")
CODES: Final = {
    "status": "status_invalid",
    "key": "key_invalid",
    "since": "time_invalid",
    "until": "time_invalid",
    "limit": "limit_invalid",
    "cursor": "cursor_invalid",
    "after": "after_invalid",
}

_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d(?:\.\d{1,9})?)(?:[Zz]|([+ -]\d\d:\d\d))", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def only_known(request: falcon.Request, known: Collection[str]) -> None:
    """A filter that does nothing would show what nobody asked for: raises InvalidRequest for a misspelt, an empty and a doubled one."""
    for name, said in request.params.items():
        if name not in known:
            near = closest(name, known)
            mend = f"did you mean {near!r}?" if near else f"there are {', '.join(known)}"
            raise InvalidRequest("parameter_unknown", f"there is no parameter {name[:100]!r}: {mend}", name[:100])
        if not said:
            raise InvalidRequest(CODES[name], f"{name} is empty: give it a value, or leave it out", name)
        if not isinstance(said, str):
            raise InvalidRequest(CODES[name], f"{name} is given more than once: give it once", name)


def job_query(request: falcon.Request) -> JobQuery:
    """Which jobs of a process to list. Raises InvalidRequest."""
    only_known(request, JOBS)
    return JobQuery(statuses(request), request.get_param("key"), time_ms(request, "since"), time_ms(request, "until"), *page(request))


def page(request: falcon.Request) -> tuple[int, str]:
    """How many entries to show, after which. Raises InvalidRequest."""
    cursor = request.get_param("cursor", default="")
    if len(cursor) > LONGEST_CURSOR:
        raise InvalidRequest("cursor_invalid", "cursor must be the `next` of the page before: give it as it was given to you", "cursor")
    return limit(request, 1, MOST_SHOWN), cursor


def events_asked(request: falcon.Request) -> tuple[str, int]:
    """After which id events of a job are asked for, "": from the first one on, and of how many writes. Raises InvalidRequest."""
    only_known(request, EVENTS)
    return request.get_param("after", default=""), limit(request, 1, MOST_EVENTS_SHOWN, EVENTS_SHOWN)


def limit(request: falcon.Request, least: int, most: int, shown: int = SHOWN) -> int:
    """How many entries to show. Raises InvalidRequest."""
    said = request.get_param("limit", default=str(shown))
    if not (said.isascii() and said.isdigit() and len(said) <= len(str(most)) and least <= int(said) <= most):
        raise InvalidRequest("limit_invalid", f"limit must be a whole number from {least} to {most}: so many are shown", "limit")
    return int(said)


def wait_s(request: falcon.Request, most_s: float) -> float:
    """How long to wait for a job's end, `wait=2.5`; 0 where nobody says. Raises InvalidRequest."""
    said = request.params.get("wait")
    if said is None:
        return 0.0
    if not (isinstance(said, str) and _SECONDS.fullmatch(said) and float(said) <= most_s):
        raise InvalidRequest("wait_invalid", f"wait must be a number from 0 to {most_s:g}: so many seconds, and given once", "wait")
    return float(said)


def statuses(request: falcon.Request) -> tuple[str, ...]:
    """The statuses asked for, `status=error,done`; none: any. Raises InvalidRequest."""
    said = request.get_param("status")
    asked = tuple(dict.fromkeys(said.split(","))) if said else ()
    for status in asked:
        if status not in OF_JOBS:
            allowed = ", ".join(OF_JOBS)
            raise InvalidRequest("status_invalid", f"{status[:100]!r} is no status of a job: there are {allowed}", "status")
    return asked


def time_ms(request: falcon.Request, name: str) -> int | None:
    """A time as RFC 3339 writes it, in epoch milliseconds; None where none is given. Raises InvalidRequest."""
    said = request.get_param(name)
    if said is None:
        return None
    parts = _TIME.fullmatch(said)
    try:
        if parts is None:
            raise ValueError(said)
        # In a query string a bare `+` means a space, and few remember to write %2B.
        zone = "+00:00" if parts[3] is None else parts[3].replace(" ", "+")
        return (datetime.fromisoformat(f"{parts[1]}T{parts[2]}{zone}") - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        raise InvalidRequest("time_invalid", f"{name} must be a time such as 2026-11-21T00:47:00Z, not {said[:100]!r}", name) from None
