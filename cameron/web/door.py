"""What the web layer asks of the engine: `cameron.engine.Engine` fits, and so does a small fake in a test."""

from typing import Any, Protocol

from cameron.store.job_index import JobQuery


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
    @property
    def existing(self) -> bool: ...  # it was there already: the same Idempotency-Key, or the one unfinished job of a unique key


class Cancelling(Protocol):
    """How far a cancellation has come: `cancelled`, or `cancelling` where the job's node was told."""

    @property
    def status(self) -> str: ...


class Engine(Protocol):
    """The one door; every method may be called from any thread and raises `cameron.errors` only, StoreUnavailable among them.

    Dicts are the answers' JSON; what they hold is in the README.
    """

    def start(self, process: str, body: bytes, idempotency_key: str = "") -> Accepted:
        """Raises ProcessNotFound, InvalidRequest, IdempotencyKeyReused, Backlogged."""

    def get(self, process: str, key: str, uuid: str) -> bytes:
        """The job as JSON bytes. Raises JobNotFound."""

    def cancel(self, process: str, key: str, uuid: str) -> Cancelling:
        """Raises JobNotFound, JobFinished."""

    def retry(self, process: str, key: str, uuid: str) -> list[str]:
        """The names of the tasks that will run again. Raises JobNotFound, JobNotFinished, NothingToRetry, KeyTaken."""

    def explain(self, process: str, key: str, uuid: str) -> dict[str, Any]:
        """Why the job is where it is: `{"process", "uuid", "key", "state", "sentence", ...}`. Raises JobNotFound."""

    def jobs(self, process: str, query: JobQuery) -> dict[str, Any]:
        """`{"process", "counts", "jobs", "next"}`. Raises ProcessNotFound, InvalidRequest (`cursor_invalid`)."""

    def dead(self, process: str, limit: int, cursor: str) -> dict[str, Any]:
        """`{"process", "jobs", "next"}`. Raises ProcessNotFound, InvalidRequest (`cursor_invalid`)."""

    def nodes(self) -> dict[str, Any]:
        """`{"nodes": [...]}`."""

    def drain(self, node: str, resume: bool = False) -> dict[str, Any]:
        """`{"node", "state"}`. Raises NodeNotFound."""

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Whether the node is fit to take requests, and `{"status", "node", "redis", "durability", "problems"}`."""

    def status(self) -> dict[str, Any]:
        """`{"status": "ok", ...}`. Raises StoreUnavailable, Draining."""

    def tree(self, limit: int) -> dict[str, Any]:
        """The supervision tree, at most `limit` runners in it."""
