"""The queues of all processes and the leases of all nodes, as the scheduler and the queue reader use them.

One stream a process, one consumer group, one consumer a node. An entry stays pending while its job runs, so the pending list says who runs
what. A node lives as long as its lease key does.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from cameron.store import keys
from cameron.store.redis import StoreRefused, reader, script_text

PAGE = 500  # entries claimed or listed at a time


class Entry(NamedTuple):
    """An entry of a queue that this node has been given."""

    process: str
    id: str
    fields: Mapping[str, str]


class Queues:
    """For one thread; every call blocks for a round trip at most, `take` for as long as it is told to."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._redis: Any = reader(url, timeout_s)
        self._take_over = self._redis.register_script(script_text("take_over"))
        self._release = self._redis.register_script(script_text("release"))

    def names(self) -> list[str]:
        """The processes that have, or had, a queue."""
        return sorted(self._redis.smembers(keys.QUEUES))

    def create(self, processes: Iterable[str]) -> None:
        """Make sure that each process's queue has its consumer group."""
        pipeline = self._redis.pipeline(transaction=False)
        for process in processes:
            pipeline.xgroup_create(keys.queue(process), keys.GROUP, id="0", mkstream=True)
        for answer in pipeline.execute(raise_on_error=False):
            if isinstance(answer, Exception) and "BUSYGROUP" not in str(answer):
                raise answer

    def take(self, processes: list[str], node: str, count: int, block_ms: int) -> list[Entry]:
        """New entries for this node, at most about `count`, waiting for the first of them for `block_ms` at most."""
        each = max(1, count // len(processes))
        streams = {keys.queue(process): ">" for process in processes}
        try:
            answer = self._redis.xreadgroup(keys.GROUP, node, streams, count=each, block=block_ms)
        except StoreRefused as error:
            if "NOGROUP" not in str(error):
                raise
            self.create(processes)
            return []
        names = {keys.queue(process): process for process in processes}
        return [Entry(names[stream], id, fields) for stream, pages in (answer or {}).items() for page in pages for id, fields in page]

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
        """Put an entry of this node's, whose job was not begun, back into its queue."""
        self._release(keys=[keys.record(process, uuid), keys.queue(process)], args=[entry, keys.GROUP, node, *fields])

    # leases

    def register(self, node: str, about: Mapping[str, Any], lease_ms: int) -> bool:
        """Take the lease of this node; False where a node of that name lives."""
        return bool(self._redis.set(keys.node(node), json.dumps(about), px=lease_ms, nx=True))

    def renew(self, node: str, lease_ms: int) -> bool:
        """Prolong the lease; False where it has run out, and with it all that the node held."""
        return bool(self._redis.pexpire(keys.node(node), lease_ms))

    def give_up(self, node: str, processes: Iterable[str]) -> None:
        """End the lease of a node that holds nothing any more, and its consumers with it."""
        pipeline = self._redis.pipeline(transaction=False)
        for process in processes:
            if not self.held(process, node):
                pipeline.xgroup_delconsumer(keys.queue(process), keys.GROUP, node)
        pipeline.delete(keys.node(node))
        pipeline.execute(raise_on_error=False)

    def dead_nodes(self, processes: Iterable[str]) -> dict[str, list[str]]:
        """Nodes whose lease has run out, with the processes of whose queues they still are consumers."""
        asked, consumers = list(processes), dict[str, list[str]]()
        pipeline = self._redis.pipeline(transaction=False)
        for process in asked:
            pipeline.xinfo_consumers(keys.queue(process), keys.GROUP)
        for process, answer in zip(asked, pipeline.execute(), strict=True):
            for consumer in answer:
                consumers.setdefault(consumer["name"], []).append(process)
        if not consumers:
            return {}
        pipeline = self._redis.pipeline(transaction=False)
        for node in consumers:
            pipeline.exists(keys.node(node))
        alive = pipeline.execute()
        return {node: of for (node, of), lives in zip(consumers.items(), alive, strict=True) if not lives}

    def take_over(self, process: str, dead: str, node: str, count: int) -> list[Entry]:
        """At most `count` entries of a dead node, which are this node's from now on; none when it has none left, or lives after all."""
        answer = self._take_over(keys=[keys.node(dead), keys.queue(process)], args=[keys.GROUP, dead, node, count])
        found = [item for item in answer if item and item[1]]
        return [Entry(process, id, dict(zip(pairs[::2], pairs[1::2], strict=True))) for id, pairs in found]

    def now_ms(self) -> float:
        """Redis's clock, in epoch milliseconds."""
        seconds, micros = self._redis.time()
        return float(seconds * 1000 + micros / 1000)
