"""The strings that a job's Python activities share, in Redis: a hash that lives as long as the job's record."""

from typing import Any

from cameron.core.session_text import KEYS_MAX, checked_key, checked_value, no_room
from cameron.errors import JobNotFound
from cameron.store import keys
from cameron.store.redis import asking, reader, script_text


class Sessions:
    """For any thread; one client for all of them, which connects once it is used. `timeout_s` bounds every answer."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._redis: Any = reader(url, timeout_s)
        self._set = self._redis.register_script(script_text("session"))

    def of(self, process: str, job: str) -> "RedisSession":
        """The session of the job of that uuid."""
        return RedisSession(self._redis, self._set, process, job)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()


class RedisSession:
    """One job's, made by `Sessions`. For any thread."""

    def __init__(self, client: Any, set_script: Any, process: str, job: str) -> None:
        self._redis, self._set = client, set_script
        self._process, self._job = process, job

    def get(self, key: str) -> str | None:
        """The value; None where there is none. Blocks for a round trip. Raises StoreUnavailable."""
        name = checked_key(key)
        with asking():
            found = self._redis.hget(keys.session(self._process, self._job), name)
        return None if found is None else str(found)

    def set(self, key: str, value: str) -> None:
        """Keep the value. Blocks for a round trip. Raises StoreUnavailable, or JobNotFound: the job is gone, and nothing is kept for it."""
        name, text = checked_key(key), checked_value(value)
        places = [keys.record(self._process, self._job), keys.session(self._process, self._job)]
        with asking():
            answer = self._set(keys=places, args=[name, text, KEYS_MAX])
        if answer == "gone":
            raise JobNotFound(self._process, self._job)
        if answer == "full":
            raise no_room()
