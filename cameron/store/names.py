"""The sets of names that all nodes share: of the processes that have queues, and of the nodes."""

import logging
from typing import Any

from cameron.store import keys
from cameron.store.redis import StoreRefused

log = logging.getLogger("cameron.redis")


def names_in(client: Any, key: str) -> set[str]:
    """What the set holds; a round trip. What stands in its place by somebody's slip is moved aside: the set fills again by itself."""
    try:
        return set(client.smembers(key))
    except StoreRefused as error:
        if "WRONGTYPE" not in str(error):
            raise
    aside = keys.misplaced(key)
    if client.renamenx(key, aside):  # else another node has been quicker, and this may be the new set
        log.error("what stood at the key %s is no set of ours: it is at %s now, for whoever misses it", key, aside)
    return set()
