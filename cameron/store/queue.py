"""The queues of all processes, as the scheduler and the queue reader use them; with them the reader reads its node's inbox.

One stream a process, one consumer group, one consumer a node. An entry stays pending while its job runs, so the pending list says who runs
what.
"""

from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from typing import Any, NamedTuple

from cameron.store import keys
from cameron.store.inbox import Signal, open_inbox, take_out
from cameron.store.names import names_in
from cameron.store.redis import StoreRefused, reader, script_text

PAGE = 500  # entries claimed or listed at a time


class Entry(NamedTuple):
    """An entry of a queue that this node has been given."""

    process: str
    id: str
    fields: Mapping[str, str]


class Reading(NamedTuple):
    """What one read has brought."""

    entries: list[Entry]
    signals: list[Signal]
    unreadable: list[str]  # processes whose queue's key is no queue


class Queues:
    """For one thread; every call blocks for a round trip at most (a page), `take` for as long as it is told to."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._redis: Any = reader(url, timeout_s)
        self._take_over = self._redis.register_script(script_text("take_over"))
        self._release = self._redis.register_script(script_text("release"))
        self._leave = self._redis.register_script(script_text("leave"))
        self._turn = 0

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def names(self) -> list[str]:
        """The processes that have, or had, a queue."""
        return sorted(names_in(self._redis, keys.QUEUES))

    def create(self, processes: Iterable[str]) -> list[str]:
        """Make sure that each process's queue has its consumer group; those whose key is no queue, so that it cannot have one."""
        asked, broken = list(processes), list[str]()
        pipeline = self._redis.pipeline(transaction=False)
        for process in asked:
            pipeline.xgroup_create(keys.queue(process), keys.GROUP, id="0", mkstream=True)
        for process, answer in zip(asked, pipeline.execute(raise_on_error=False), strict=True):
            if is_no_queue(answer):
                broken.append(process)
            elif isinstance(answer, Exception) and "BUSYGROUP" not in str(answer):
                raise answer
        return broken

    # what is read

    def take(self, node: str, rooms: Mapping[str, int], limit: int, block_ms: int) -> Reading:
        """New entries for this node, at most about `limit` and of each process at most its room, and the signals in its inbox.

        Waits for the first of them for `block_ms` at most. A process whose key is no queue costs nobody else a read.
        """
        share = max(1, limit // max(1, len(rooms)))
        least = min(rooms.values(), default=share)
        if least < share or limit < len(rooms):  # else one read is fair to all
            reading = self._take_each(node, rooms, limit)
            if any(reading):
                return reading
        streams = {keys.inbox(node): ">", **{keys.queue(process): ">" for process in rooms}}
        try:
            answer = self._redis.xreadgroup(keys.GROUP, node, streams, count=min(share, least), block=block_ms)
        except StoreRefused as error:
            open_inbox(self._redis, node)  # it may be the inbox that is missing, or is none
            if "NOGROUP" in str(error):
                return Reading([], [], self.create(rooms))
            if is_no_queue(error) and any(reading := self._take_each(node, rooms, max(1, limit))):
                return reading
            raise
        return self._reading(node, rooms, [answer])

    def _take_each(self, node: str, rooms: Mapping[str, int], limit: int) -> Reading:
        """Without waiting, the processes in turn, as many at a time as may yield an entry each."""
        self._turn = (self._turn + 1) % max(1, len(rooms))
        turn = iter([*islice(rooms, self._turn, None), *islice(rooms, self._turn)])
        found, asked_inbox = Reading([], [], []), False
        while (left := limit - len(found.entries)) > 0 and ((some := list(islice(turn, left))) or not asked_inbox):
            pipeline = self._redis.pipeline(transaction=False)
            for process in some:
                pipeline.xreadgroup(keys.GROUP, node, {keys.queue(process): ">"}, count=min(rooms[process], left // len(some)))
            if not asked_inbox:
                pipeline.xreadgroup(keys.GROUP, node, {keys.inbox(node): ">"}, count=PAGE)
                asked_inbox = True
            answers = pipeline.execute(raise_on_error=False)
            for process, answer in zip(some, answers, strict=False):
                if is_no_queue(answer):
                    found.unreadable.append(process)
            more = self._reading(node, rooms, [answer for answer in answers if not isinstance(answer, Exception)])
            found = Reading(found.entries + more.entries, found.signals + more.signals, found.unreadable)
        return found

    def _reading(self, node: str, rooms: Collection[str], answers: list[Any]) -> Reading:
        """What answers to XREADGROUP hold. Signals that only were to end a wait have done so."""
        names, inbox = {keys.queue(process): process for process in rooms}, keys.inbox(node)
        entries, signals = list[Entry](), list[Signal]()
        for stream, pages in ((stream, pages) for answer in answers for stream, pages in (answer or {}).items()):
            found = [(id, fields) for page in pages for id, fields in page]
            if stream == inbox:
                signals += [Signal(id, fields) for id, fields in found]
            else:
                entries += [Entry(names[stream], id, fields) for id, fields in found]
        woken = [signal.id for signal in signals if signal.fields.get("signal") == "wake"]
        if woken:
            take_out(self._redis, node, woken)
        return Reading(entries, [signal for signal in signals if signal.id not in woken], [])

    # what is held

    def held(self, process: str, node: str) -> list[str]:
        """The ids of all entries of a queue that this node holds."""
        ids: list[str] = []
        while True:
            start = f"({ids[-1]}" if ids else "-"
            page = self._redis.xpending_range(keys.queue(process), keys.GROUP, start, "+", PAGE, consumername=node)
            ids += [pending["message_id"] for pending in page]
            if len(page) < PAGE:
                return ids

    def claim_again(self, process: str, node: str, ids: list[str]) -> list[Entry]:
        """Entries that this node holds already, to be read once more; those that are finished by now are left out."""
        entries: list[Entry] = []
        for at in range(0, len(ids), PAGE):
            claimed = self._redis.xclaim(keys.queue(process), keys.GROUP, node, 0, ids[at : at + PAGE])
            entries += [Entry(process, id, fields) for id, fields in claimed if fields]
        return entries

    def release(self, process: str, node: str, entry: str, uuid: str, fields: list[str]) -> None:
        """Put an entry of this node's, whose job was not begun, back into its queue; nothing where there is no such queue any more."""
        try:
            self._release(keys=[keys.record(process, uuid), keys.queue(process)], args=[entry, keys.GROUP, node, *fields])
        except StoreRefused as error:
            if not is_no_queue(error) and not is_gone(error):
                raise

    def consumers(self, processes: Iterable[str]) -> dict[str, dict[str, int]]:
        """All nodes that are, or were, given entries: how many they hold, by process."""
        return consumers(self._redis, processes)

    def take_over(self, process: str, dead: str, node: str, count: int) -> list[Entry]:
        """At most `count` entries of a dead node, which are this node's from now on; none when it has none left, or lives after all."""
        answer = self._take_over(keys=[keys.node(dead), keys.queue(process)], args=[keys.GROUP, dead, node, count])
        found = [item for item in answer if item and item[1]]
        return [Entry(process, id, dict(zip(pairs[::2], pairs[1::2], strict=True))) for id, pairs in found]

    def leave(self, node: str, processes: Iterable[str]) -> None:
        """The node reads these queues no more; where it still holds something, its consumer stays."""
        for process in self.consumers(processes).get(node, {}):
            try:
                self._leave(keys=[keys.queue(process)], args=[keys.GROUP, node])
            except StoreRefused as error:
                if not is_no_queue(error) and not is_gone(error):
                    raise


def is_no_queue(answer: object) -> bool:
    """Whether that answer is an error that says: the key is none of ours."""
    return isinstance(answer, StoreRefused) and "WRONGTYPE" in str(answer)


def is_gone(answer: object) -> bool:
    """Whether that answer is an error that says: there is no such queue, or no group of ours has read it yet."""
    return isinstance(answer, StoreRefused) and ("NOGROUP" in str(answer) or "no such key" in str(answer))


def consumers(client: Any, processes: Iterable[str]) -> dict[str, dict[str, int]]:
    """The consumers of those processes' queues: how many entries each of them holds, by process."""
    asked, found = list(processes), dict[str, dict[str, int]]()
    pipeline = client.pipeline(transaction=False)
    for process in asked:
        pipeline.xinfo_consumers(keys.queue(process), keys.GROUP)
    for process, answer in zip(asked, pipeline.execute(raise_on_error=False), strict=True):
        if isinstance(answer, Exception):
            if is_no_queue(answer) or is_gone(answer):
                continue
            raise answer
        for consumer in answer:
            found.setdefault(consumer["name"], {})[process] = consumer["pending"]
    return found
