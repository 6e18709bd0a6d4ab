"""The definitions that people have registered, which all nodes share: documents by dialect, kind and name.

A number counts the changes, so that a look at it tells whether to read them again, and a write that rests on what was read before another
one's write is refused.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from cameron.store import keys
from cameron.store.redis import StoreError, StoreRefused, reader, redis_cli, script_text


class Slot(NamedTuple):
    """A definition's place; a name may hold spaces, the others do not."""

    dialect: str
    kind: str
    name: str

    @property
    def field(self) -> str:
        """In the hash."""
        return " ".join(self)


class Snapshot(NamedTuple):
    """All that was registered at one moment."""

    version: int
    documents: Mapping[Slot, str]  # JSON, as it was put there: whoever reads it has to bear that it is none
    strays: tuple[str, ...]  # fields of the hash that name no definition


class Misplaced(StoreError):
    """What stands at one of the keys is not ours; the text says how to mend it."""


class Registered:
    """For any thread; every call blocks for one round trip. Raises what redis-py does, and Misplaced."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url = url
        self._redis: Any = reader(url, timeout_s)
        self._register = self._redis.register_script(script_text("register"))

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def version(self) -> int:
        """How often something has been changed."""
        with self._minding():
            return self._number(self._redis.get(keys.REGISTERED_VERSION))

    def read_all(self) -> Snapshot:
        """What is registered now."""
        with self._minding():
            version, fields = self._redis.pipeline(transaction=True).get(keys.REGISTERED_VERSION).hgetall(keys.REGISTERED).execute()
        slots = {field: field.split(" ", 2) for field in fields}
        documents = {Slot(*parts): fields[field] for field, parts in slots.items() if len(parts) == 3}
        return Snapshot(self._number(version), documents, tuple(field for field, parts in slots.items() if len(parts) != 3))

    def put(self, seen: int, slot: Slot, document: str) -> int:
        """Register a document, which is not empty, if nothing has changed since version `seen`: the new version; 0 where it has."""
        with self._minding():
            return int(self._register(keys=[keys.REGISTERED, keys.REGISTERED_VERSION], args=[seen, slot.field, document]))

    def remove(self, seen: int, slot: Slot) -> int:
        """Take a document out, as `put` puts one in."""
        return self.put(seen, slot, "")

    def _number(self, text: str | None) -> int:
        if text is None or text.isdecimal():
            return int(text or 0)
        raise self._misplaced(keys.REGISTERED_VERSION, "number")

    @contextmanager
    def _minding(self) -> Iterator[None]:
        """A key of another type says which it is."""
        try:
            yield
        except StoreRefused as error:
            if "WRONGTYPE" not in str(error) and "not an integer" not in str(error):
                raise
            is_number = self._redis.type(keys.REGISTERED) in ("hash", "none")
            raise self._misplaced(keys.REGISTERED_VERSION, "number") if is_number else self._misplaced(keys.REGISTERED, "hash") from None

    def _misplaced(self, key: str, kind: str) -> Misplaced:
        mend = f"type `{redis_cli(self._url)} rename {key} {key}:misplaced`, and register what is missing then"
        return Misplaced(f"the registered definitions cannot be read, as what stands at the key {key} is no {kind} of ours: {mend}")
