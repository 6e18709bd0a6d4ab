"""The secret that all nodes of one Redis share: what one of them signs with it, and nobody else can, any of them recognises."""

import logging
import secrets
from typing import Any

from cameron.errors import StoreUnavailable
from cameron.store import keys
from cameron.store.redis import StoreRefused, asking, reader

ATTEMPTS = 3  # at a key at which somebody puts something else again and again
FEWEST_CHARACTERS = 32  # fewer are no secret of ours, and might be guessed

log = logging.getLogger("cameron.redis")


class Secret:
    """For any thread. Whichever node asks first makes it; it stands in no file, and lasts as long as what Redis holds."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._redis: Any = reader(url, timeout_s)
        self._value = ""

    @property
    def known(self) -> str:
        """The secret as this node knows it; "" before the first `value` or `keep`. Never blocks."""
        return self._value

    def value(self) -> str:
        """The secret; where it is not known yet, as `keep`."""
        return self._value or self.keep()

    def keep(self) -> str:
        """The secret that is in Redis; where there is none (any more), this node's is put there.

        Blocks for a round trip, two where there was none. Raises StoreUnavailable.
        """
        for _ in range(ATTEMPTS):
            with asking():
                found = self._found()
                if len(found) >= FEWEST_CHARACTERS:
                    self._value = found
                    return found
                self._move_aside()
        raise StoreUnavailable(f"something else is put at the key {keys.SECRET} again and again")

    def _found(self) -> str:
        """What stands at the key: others may have been quicker, and theirs counts then. "": no text."""
        try:
            found = self._redis.get(keys.SECRET)
            if found is None:
                ours = self._value or secrets.token_hex(32)
                pipeline = self._redis.pipeline(transaction=True)
                found = pipeline.set(keys.SECRET, ours, nx=True).get(keys.SECRET).execute()[1]
        except StoreRefused as error:
            if "WRONGTYPE" not in str(error):
                raise
            return ""
        return str(found)

    def _move_aside(self) -> None:
        aside = keys.misplaced(keys.SECRET)
        try:
            is_moved = self._redis.renamenx(keys.SECRET, aside)
        except StoreRefused:  # it has gone meanwhile
            return
        if not is_moved:  # something was moved there before
            self._redis.delete(keys.SECRET)
        log.error(
            "what stood at the key %s is no secret of ours: %s", keys.SECRET, f"it is at {aside} now" if is_moved else "it is deleted"
        )
