"""A job's events as its stream has them: an entry for each write, in which words and their texts take turns; see `core.history`."""

import re
from typing import Any, NamedTuple

from cameron.errors import InvalidRequest
from cameron.store import keys
from cameron.store.redis import StoreRefused, reader

_ID = re.compile(r"[0-9]{1,16}-[0-9]{1,16}")


class Entry(NamedTuple):
    """What one write has told."""

    id: str
    words: list[str]
    texts: list[str]  # of the words, one each

    @property
    def place(self) -> tuple[int, int]:
        """Where in the stream it stands: a time in epoch milliseconds, and a number among those of that time."""
        return place(self.id)


class Page(NamedTuple):
    """Some entries, in order."""

    entries: list[Entry]
    next: str | None  # after which id to go on; None: these are the last for now
    first: Entry | None  # of all that are kept; None: there are none, or what stands at the key is no stream


class JobEvents:
    """For any thread."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._redis: Any = reader(url, timeout_s)
        self._redis.set_response_callback("XRANGE", _as_it_came)  # redis-py's own makes dicts, in which no word could come twice

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def page(self, process: str, uuid: str, after: str = "", limit: int = 1000) -> Page:
        """The first `limit` entries after the one of that id, "": of all; for one round trip.

        Raises InvalidRequest for an id that is none, and what redis-py does.
        """
        if after and not _ID.fullmatch(after):
            text = f"after must be the `id` of an event, or the `next` of the page before, such as 1763740000000-0, not {after[:100]!r}"
            raise InvalidRequest("after_invalid", text, "after")
        name = keys.events(process, uuid)
        pipeline = self._redis.pipeline(transaction=bool(after))  # then the two belong to one moment
        pipeline.xrange(name, f"({after}" if after else "-", "+", limit + 1)
        if after:
            pipeline.xrange(name, "-", "+", 1)
        try:
            found, *first = ([_entry(*entry) for entry in answer] for answer in pipeline.execute())
        except StoreRefused as error:
            if "WRONGTYPE" in str(error):  # by somebody's slip; nodes write no events then, and run the job all the same
                return Page([], None, None)
            raise
        oldest = first[0] if first else found
        return Page(found[:limit], found[limit - 1].id if len(found) > limit else None, oldest[0] if oldest else None)


def place(id: str) -> tuple[int, int]:
    """What an id says, for comparison."""
    time_ms, _, number = id.partition("-")
    return int(time_ms), int(number)


def _entry(id: str, told: list[str]) -> Entry:
    return Entry(id, told[::2], told[1::2])


def _as_it_came(answer: Any, **_options: Any) -> Any:
    return answer
