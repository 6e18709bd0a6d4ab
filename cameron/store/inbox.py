"""A node's inbox: what others have to tell it. A stream, so that a signal is kept until the node has heeded it, whatever crashes meanwhile.

Fields: `signal` is `cancel` (of `process`, `uuid`), `callback` (of `process`, `uuid`, `task`), `given` (of `uuid`: the node holds that job
now), `drain`, `resume`, or `wake`, which the node tells itself to end a read that waits. Each function takes a client of
`store.redis.reader` and costs a round trip.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from cameron.store import keys
from cameron.store.redis import StoreRefused

PAGE = 1000


class Signal(NamedTuple):
    """An entry of the inbox."""

    id: str
    fields: Mapping[str, str]


def open_inbox(client: Any, node: str) -> None:
    """Make sure that it is there, with its consumer group; what stands in its place by somebody's slip goes."""
    try:
        client.xgroup_create(keys.inbox(node), keys.GROUP, id="0", mkstream=True)
    except StoreRefused as error:
        if "WRONGTYPE" in str(error):
            client.delete(keys.inbox(node))
            client.xgroup_create(keys.inbox(node), keys.GROUP, id="0", mkstream=True)
        elif "BUSYGROUP" not in str(error):
            raise


def send(client: Any, node: str, signal: str) -> bool:
    """Put a signal without further fields into it; False where the node has none: it has never lived, or died a while ago."""
    return bool(client.xadd(keys.inbox(node), {"signal": signal}, nomkstream=True))


def unheeded(client: Any, node: str) -> list[Signal]:
    """What is in it, given to the node or not, oldest first."""
    return [Signal(id, fields) for id, fields in client.xrange(keys.inbox(node), count=PAGE)]


def take_out(client: Any, node: str, ids: list[str]) -> None:
    """These have been heeded."""
    pipeline = client.pipeline(transaction=False)
    pipeline.xack(keys.inbox(node), keys.GROUP, *ids)
    pipeline.xdel(keys.inbox(node), *ids)
    pipeline.execute()
