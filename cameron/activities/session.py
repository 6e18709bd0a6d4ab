"""The strings that a job's Python activities share."""

import threading
from typing import Protocol

from cameron.core.session_text import KEYS_MAX, checked_key, checked_value, no_room


class Session(Protocol):
    """One job's. For any thread; what is no string, or too long, raises TypeError or ValueError."""

    def get(self, key: str) -> str | None:
        """The value; None where there is none. May raise StoreUnavailable."""

    def set(self, key: str, value: str) -> None:
        """Keep the value for all activities of the job that ask later. May raise StoreUnavailable, or JobNotFound: the job is gone."""


class Sessions(Protocol):
    """Where they come from. For any thread."""

    def of(self, process: str, job: str) -> Session:
        """The session of the job of that uuid."""


class MemorySession:
    """Kept in memory, for tests."""

    def __init__(self, values: dict[str, str] | None = None) -> None:
        self._values = {checked_key(key): checked_value(value) for key, value in (values or {}).items()}
        self._lock = threading.Lock()

    @property
    def values(self) -> dict[str, str]:
        """All that it holds, copied."""
        with self._lock:
            return dict(self._values)

    def get(self, key: str) -> str | None:
        """As every Session."""
        with self._lock:
            return self._values.get(checked_key(key))

    def set(self, key: str, value: str) -> None:
        """As every Session."""
        name, text = checked_key(key), checked_value(value)
        with self._lock:
            if name not in self._values and len(self._values) >= KEYS_MAX:
                raise no_room()
            self._values[name] = text
