"""The leases of nodes, and who among them lives: a node does as long as its lease key is there."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from cameron.store import keys
from cameron.store.inbox import Signal, open_inbox, send, take_out, unheeded
from cameron.store.names import names_in
from cameron.store.redis import reader

INBOX_LEASES = 3  # so much longer than its node's lease an inbox lasts: a node that was only slow finds it again


class Renewal(NamedTuple):
    """What a renewal has found."""

    now_ms: float  # Redis's clock, in epoch milliseconds
    is_kept: bool  # False: the lease has run out, and others may have what the node held


class Leases:
    """One node's own lease and inbox, and a look at the others'. For one thread; every call blocks for a round trip or two."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._redis: Any = reader(url, timeout_s)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def register(self, node: str, about: Mapping[str, Any], lease_ms: int) -> bool:
        """Take the lease of this node; False where a node of that name lives."""
        if not self._redis.set(keys.node(node), json.dumps(about), px=lease_ms, nx=True):
            return False
        open_inbox(self._redis, node)
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.sadd(keys.NODES, node)
        pipeline.pexpire(keys.inbox(node), INBOX_LEASES * lease_ms)
        pipeline.execute()
        return True

    def renew(self, node: str, about: Mapping[str, Any], lease_ms: int) -> Renewal:
        """Prolong the lease, and say how the node is now.

        What makes it live is the PEXPIRE: a Redis that is full refuses to store anything, but prolongs.
        """
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.time()
        pipeline.pexpire(keys.node(node), lease_ms)
        pipeline.set(keys.node(node), json.dumps(about), px=lease_ms, xx=True)
        pipeline.pexpire(keys.inbox(node), INBOX_LEASES * lease_ms)
        pipeline.sadd(keys.NODES, node)
        now, is_kept, _, has_inbox, _ = pipeline.execute(raise_on_error=False)
        for answer in (now, is_kept):
            if isinstance(answer, Exception):
                raise answer
        if is_kept and not has_inbox:
            open_inbox(self._redis, node)
        return Renewal(now[0] * 1000 + now[1] / 1000, bool(is_kept))

    def give_up(self, node: str) -> None:
        """End the lease of a node that stops."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.delete(keys.node(node), keys.inbox(node))
        pipeline.srem(keys.NODES, node)
        pipeline.execute()

    def dead(self, nodes: Iterable[str]) -> set[str]:
        """Which of those nodes, and of all that were ever registered and not buried, have no lease."""
        names = sorted({*nodes, *names_in(self._redis, keys.NODES)})
        if not names:
            return set()
        pipeline = self._redis.pipeline(transaction=False)
        for name in names:
            pipeline.exists(keys.node(name))
        return {name for name, lives in zip(names, pipeline.execute(), strict=True) if not lives}

    def living(self) -> dict[str, dict[str, Any]]:
        """What each node that lives says of itself, this one too; nothing of those whose lease cannot be read."""
        names = sorted(names_in(self._redis, keys.NODES))
        pipeline = self._redis.pipeline(transaction=False)
        for name in names:
            pipeline.get(keys.node(name))
        leases = pipeline.execute(raise_on_error=False) if names else []
        abouts = {name: _about(lease) for name, lease in zip(names, leases, strict=True)}
        return {name: about for name, about in abouts.items() if about}

    def bury(self, nodes: Iterable[str]) -> None:
        """These are dead and hold nothing any more. Should one only have slept, its next renewal lists it again."""
        self._redis.srem(keys.NODES, *nodes)

    # the inbox

    def unheeded(self, node: str) -> list[Signal]:
        """The signals in the node's inbox, given to it already or not."""
        return unheeded(self._redis, node)

    def heeded(self, node: str, ids: list[str]) -> None:
        """Take signals out of the inbox."""
        take_out(self._redis, node, ids)

    def wake(self, node: str) -> None:
        """End the read that the node's reader waits in."""
        send(self._redis, node, "wake")


def _about(lease: Any) -> dict[str, Any]:
    """{} where the node is dead, or of a version of the program that says something else."""
    try:
        about = json.loads(lease)
    except (TypeError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}
