"""What the web layer asks of the engine: `cameron.engine.Engine` fits, and so does a small fake in a test."""

from typing import Any, Protocol


class Accepted(Protocol):
    """A job that is safely stored; `payload` is the request's raw body as text."""

    @property
    def process(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def uuid(self) -> str: ...
    @property
    def payload(self) -> str: ...


class Engine(Protocol):
    """The one door; every method may be called from any thread and raises `cameron.errors` only."""

    def start(self, process: str, body: bytes) -> Accepted:
        """Raises ProcessNotFound, InvalidRequest, StoreUnavailable."""

    def get(self, process: str, key: str, uuid: str) -> bytes:
        """The job as JSON bytes. Raises JobNotFound, StoreUnavailable."""

    def status(self) -> dict[str, Any]:
        """`{"status": "ok", ...}`. Raises StoreUnavailable."""

    def tree(self, limit: int) -> dict[str, Any]:
        """The supervision tree, at most `limit` runners in it. Raises StoreUnavailable."""
