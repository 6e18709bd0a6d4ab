"""The dead letter of a process: jobs that were given up, as whoever ran them crashed again and again; newest first."""

import re
from collections.abc import Mapping
from typing import Any

from cameron.core.explain.situation import DeadLetter
from cameron.core.moment import rfc3339
from cameron.errors import InvalidRequest
from cameron.store import keys
from cameron.store.redis import reader

PRUNE_PAGE = 200
_ID = re.compile(r"[0-9]{1,16}-[0-9]{1,16}")


class DeadLetters:
    """For any thread."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._redis: Any = reader(url, timeout_s)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def page(self, process: str, limit: int = 100, cursor: str = "") -> dict[str, Any]:
        """`{"process", "jobs": [{"uuid", "key", "task", "crashes", "reason", "crash", "time"}], "next": cursor or None}`.

        `cursor` is the `next` of the page before, "" for the first one. Raises InvalidRequest for a cursor that is none.
        """
        if cursor and not _ID.fullmatch(cursor):
            raise InvalidRequest("cursor_invalid", "the cursor is none that this list has given: take it as it stands in `next`", "cursor")
        entries = self._redis.xrevrange(keys.dead(process), f"({cursor}" if cursor else "+", "-", count=limit + 1)
        more = len(entries) > limit
        page = entries[:limit]
        return {"process": process, "jobs": [_row(*entry) for entry in page], "next": page[-1][0] if more else None}

    def prune(self, process: str) -> int:
        """Take out those whose jobs have expired, so that there is nothing left to look at or to retry; how many they were."""
        pruned, start = 0, "-"
        while page := self._redis.xrange(keys.dead(process), start, count=PRUNE_PAGE):
            pipeline = self._redis.pipeline(transaction=False)
            for _, fields in page:
                pipeline.exists(keys.record(process, fields.get("uuid", "")))
            gone = [id for (id, _), there in zip(page, pipeline.execute(), strict=True) if not there]
            if gone:
                pruned += self._redis.xdel(keys.dead(process), *gone)
            start = f"({page[-1][0]}"
        return pruned


def dead_letter(id: str, fields: Mapping[str, str]) -> DeadLetter:
    """An entry of the dead letter; its id tells the time."""
    crashes = fields.get("crashes", "")
    return DeadLetter(
        time_ms=int(id.split("-")[0]),
        task=fields.get("task", ""),
        crashes=int(crashes) if crashes.isdecimal() else 0,
        reason=fields.get("reason", ""),
        crash=fields.get("crash", ""),
    )


def _row(id: str, fields: Mapping[str, str]) -> dict[str, Any]:
    time_ms, task, crashes, reason, crash = dead_letter(id, fields)
    of_job = {"uuid": fields.get("uuid", ""), "key": fields.get("key", "")}
    return {**of_job, "task": task, "crashes": crashes, "reason": reason, "crash": crash, "time": rfc3339(time_ms)}
