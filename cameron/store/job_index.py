"""The jobs of a process by status, key and time, newest first: read from the sorted sets that the scripts keep with each job's status.

A job's standing (its status, and since when) is in those sets and is read anew for each row shown, so that a job that has moved on while
a page was made shows where it is now. A cursor is a place in their order and no number, so that jobs which are added or end meanwhile
neither hide others nor show them twice.
"""

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Sequence
from math import inf
from typing import Any, NamedTuple

from cameron.core.moment import rfc3339
from cameron.core.status import OF_JOBS
from cameron.errors import InvalidRequest
from cameron.store import keys
from cameron.store.redis import reader

STATUSES = tuple(status.value for status in OF_JOBS)
LOOK_AT = 5  # times the limit: the most entries that one page looks at, however few of them fit
PRUNE_PAGE = 200
PRUNE_AT_MOST = 20_000  # jobs in one go, well within a second: whoever prunes has other duties


class JobQuery(NamedTuple):
    """Which jobs of a process to list, newest first."""

    statuses: tuple[str, ...] = ()  # of these; none: of any
    key: str | None = None  # of exactly this key
    since_ms: int | None = None  # that came to their status at or after this time, in epoch milliseconds
    until_ms: int | None = None  # and before this one
    limit: int = 100
    cursor: str = ""  # the `next` of the page before; "" the first page


class _Place(NamedTuple):
    """A place in a set's order; in the keys' set all scores are 0."""

    score: int
    member: str


class _Standing(NamedTuple):
    status: str
    since_ms: int


class JobIndex:
    """For any thread; `job_key` names a job's hash."""

    def __init__(self, url: str, timeout_s: float, job_key: Callable[[str, str, str], str] = keys.job) -> None:
        self._redis: Any = reader(url, timeout_s)
        self._job_key = job_key
        self._swept: dict[str, int] = {}  # set -> the rank up to which pruning has walked

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def page(self, process: str, query: JobQuery) -> dict[str, Any]:
        """`{"process", "counts": {status: n}, "jobs": [{"uuid", "key", "status", "since", "accepted"}], "next": cursor or None}`.

        Newest first: by status those that came to it last, by key those that were accepted last. `counts` are of all the process's jobs,
        whatever is asked for. Where few jobs fit, a page may be short, or empty, and have a `next` all the same. Raises InvalidRequest
        for a cursor that is none.
        """
        rows: dict[str, dict[str, str]] = {}
        last, following = _place_of(query), None
        for looked_at, (place, standing) in enumerate(self._walk(process, query, last)):
            if len(rows) == query.limit or looked_at == LOOK_AT * query.limit:
                following = last
                break
            last = place
            if standing and (query.key is None or _fits(query, standing)):
                rows.setdefault(place.member, _row(place.member, standing))
        return {
            "process": process,
            "counts": self._counts(process),
            "jobs": list(rows.values()),
            "next": _cursor(following) if following else None,
        }

    def prune(self, process: str) -> int:
        """Take out jobs whose keys have expired; how many they were. At PRUNE_AT_MOST and above there may be more.

        The oldest of each status are looked at, as many as have expired; and besides them a page further on, another one each time, as
        those that are kept for longer may stand before the others.
        """
        oldest = [(keys.jobs(process, status), 0) for status in STATUSES]
        further = [(index, self._swept.get(index, 0) + PRUNE_PAGE) for index, _ in oldest]
        looked_at, gone = self._prune(process, oldest + further)
        for (index, start), size, of_it in zip(further, looked_at[len(oldest) :], gone[len(oldest) :], strict=True):
            self._swept[index] = start - of_it if size == PRUNE_PAGE else 0
        pruned = sum(gone)
        while (oldest := [page for page, of_it in zip(oldest, gone, strict=False) if of_it == PRUNE_PAGE]) and pruned < PRUNE_AT_MOST:
            _, gone = self._prune(process, oldest)
            pruned += sum(gone)
        return pruned

    def _prune(self, process: str, pages: list[tuple[str, int]]) -> tuple[list[int], list[int]]:
        """Take out the expired of pages, given as set and first rank; how many jobs each page had, and how many of them are out."""
        pipeline = self._redis.pipeline(transaction=False)
        for index, start in pages:
            pipeline.zrange(index, start, start + PRUNE_PAGE - 1)
        members = pipeline.execute()
        for page in members:
            self._ask_for_keys(pipeline, process, page)
        there = iter(pipeline.execute())
        gone = [[member for member in page if not next(there)] for page in members]
        for (index, _), page in zip(pages, gone, strict=True):
            if page:
                pipeline.zrem(index, *page)
                pipeline.zrem(keys.jobs_by_key(process), *page)
        pipeline.execute()
        return list(map(len, members)), list(map(len, gone))

    def _counts(self, process: str) -> dict[str, int]:
        pipeline = self._redis.pipeline(transaction=False)
        for status in STATUSES:
            pipeline.zcard(keys.jobs(process, status))
        return dict(zip(STATUSES, pipeline.execute(), strict=True))

    def _walk(self, process: str, query: JobQuery, after: _Place | None) -> Iterator[tuple[_Place, _Standing | None]]:
        """Entries from the place on, and where their jobs stand now; None: expired."""
        count = query.limit + 1  # so that what follows a full page is known with it
        read = self._by_status if query.key is None else self._by_key
        while places := read(process, query, after, count):
            yield from zip(places, self._standings(process, [place.member for place in places]), strict=True)
            if len(places) < count:
                return
            after = places[-1]

    def _by_status(self, process: str, query: JobQuery, after: _Place | None, count: int) -> list[_Place]:
        """The next entries of the chosen statuses' sets as one; an order by score and member is theirs too."""
        lowest = -inf if query.since_ms is None else query.since_ms
        highest = inf if query.until_ms is None else query.until_ms
        pipeline = self._redis.pipeline(transaction=False)
        for status in dict.fromkeys(query.statuses or STATUSES):
            index = keys.jobs(process, status)
            if after is not None:  # others of the same millisecond, which are never many
                pipeline.zrevrangebyscore(index, after.score, after.score, withscores=True)
            pipeline.zrevrangebyscore(index, f"({min(highest, after.score) if after else highest}", lowest, 0, count, withscores=True)
        found = {_Place(int(score), member) for answer in pipeline.execute() for member, score in answer if lowest <= score < highest}
        return sorted((place for place in found if after is None or place < after), reverse=True)[:count]

    def _by_key(self, process: str, query: JobQuery, after: _Place | None, count: int) -> list[_Place]:
        """The next entries of that very key: its members, and no others, begin with the key and a tab."""
        highest = f"({after.member}" if after else f"({query.key}\n"  # the character after the tab
        members = self._redis.zrevrangebylex(keys.jobs_by_key(process), highest, f"[{query.key}\t", 0, count)
        return [_Place(0, member) for member in members]

    def _standings(self, process: str, members: list[str]) -> list[_Standing | None]:
        """In one transaction, as a script may be just moving a job from set to set."""
        pipeline = self._redis.pipeline(transaction=True)
        for status in STATUSES:
            pipeline.zmscore(keys.jobs(process, status), members)
        self._ask_for_keys(pipeline, process, members)
        answers = pipeline.execute()
        by_status, there = answers[: len(STATUSES)], answers[len(STATUSES) :]
        return [_standing(scores) if exists else None for exists, *scores in zip(there, *by_status, strict=True)]

    def _ask_for_keys(self, pipeline: Any, process: str, members: list[str]) -> None:
        for member in members:
            key, _, uuid = member.split("\t")
            pipeline.exists(self._job_key(process, key, uuid))


def _standing(scores: Sequence[float | None]) -> _Standing | None:
    """Where a job stands whose scores in the sets of all statuses these are."""
    found = [_Standing(status, int(score)) for status, score in zip(STATUSES, scores, strict=True) if score is not None]
    return max(found, key=lambda standing: standing.since_ms, default=None)


def _fits(query: JobQuery, standing: _Standing) -> bool:
    return (
        (not query.statuses or standing.status in query.statuses)
        and (query.since_ms is None or standing.since_ms >= query.since_ms)
        and (query.until_ms is None or standing.since_ms < query.until_ms)
    )


def _row(member: str, standing: _Standing) -> dict[str, str]:
    key, accepted_ms, uuid = member.split("\t")
    return {
        "uuid": uuid,
        "key": key,
        "status": standing.status,
        "since": rfc3339(standing.since_ms),
        "accepted": rfc3339(int(accepted_ms)),
    }


def _cursor(place: _Place) -> str:
    return urlsafe_b64encode(f"{place.score}\t{place.member}".encode()).decode().rstrip("=")


def _place_of(query: JobQuery) -> _Place | None:
    """The place that the query's cursor stands for. Raises InvalidRequest."""
    if not query.cursor:
        return None
    try:
        text = b64decode(query.cursor + "=" * (-len(query.cursor) % 4), b"-_", validate=True).decode()
        score, member = text.split("\t", 1)
        key, accepted_ms, uuid = member.split("\t")
        int(accepted_ms), int(uuid, 16)
        place = _Place(int(score), member)
    except ValueError:
        place, key = None, ""
    if place is None or (query.key is not None and key != query.key):
        raise InvalidRequest("cursor_invalid", "the cursor is none that this list has given: take it as it stands in `next`", "cursor")
    return place
