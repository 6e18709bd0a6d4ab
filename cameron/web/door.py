"""What the web layer asks of the engine: `cameron.engine.Engine` fits, and so does a small fake in a test."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from cameron.core.status import Status
from cameron.definitions.manner import Manner
from cameron.errors import CameronError
from cameron.store.job_index import JobQuery

Picture = Literal["svg", "mermaid"]


class Accepted(Protocol):
    """A job that is safely stored; `payload` is the request's raw body as text."""

    @property
    def process(self) -> str: ...  # its name in the catalog, also where it was started by its alias
    @property
    def alias(self) -> str: ...  # the process's other name, "": none
    @property
    def key(self) -> str: ...
    @property
    def uuid(self) -> str: ...
    @property
    def payload(self) -> str: ...
    @property
    def existing(self) -> bool: ...  # it was there already: the same Idempotency-Key, or the one unfinished job of a unique key
    @property
    def accepted_ms(self) -> int: ...  # when, in epoch milliseconds; 0: unknown
    @property
    def status(self) -> Status: ...  # what it is by now


class Cancelling(Protocol):
    """How far a cancellation has come: `cancelled`, or `cancelling` where the job's node was told."""

    @property
    def status(self) -> str: ...


class Engine(Protocol):
    """The one door; every method may be called from any thread and raises `cameron.errors` only, StoreUnavailable among them.

    A process is named by its name or its alias. A `key` of "" is one that the path did not say: the job's own is taken.
    Dicts are the answers' JSON; what they hold is in the README.
    """

    def manners(self) -> Sequence[Manner]:
        """How clients speak each dialect."""

    def start(self, process: str, body: bytes, idempotency_key: str = "", dialect: str = "") -> Accepted:
        """A job of a process of that dialect; "": of any. Raises ProcessNotFound, InvalidRequest, IdempotencyKeyReused, Backlogged."""

    def start_all(self, process: str, batch: bytes, idempotency_key: str = "", dialect: str = "") -> Sequence[Accepted | CameronError]:
        """A job for each body in a JSON array, or the error that `start` raises. Raises ProcessNotFound, InvalidRequest.

        Of one that was there already, `status` and `accepted_ms` are not looked up.
        """

    def name_of(self, process: str) -> str:
        """The name of the process of that name or alias; what nobody defines is what it is."""

    def ended(self, process: str, key: str, uuid: str) -> bytes | None:
        """The job as `get` has it once it has ended, None before; one cheap read, many times a second. Raises JobNotFound."""

    def get(self, process: str, key: str, uuid: str) -> bytes:
        """The job as JSON bytes. Raises JobNotFound."""

    def cancel(self, process: str, key: str, uuid: str) -> Cancelling:
        """Raises JobNotFound, JobFinished."""

    def retry(self, process: str, key: str, uuid: str) -> list[str]:
        """The names of the tasks that will run again. Raises JobNotFound, JobNotFinished, NothingToRetry, KeyTaken."""

    def explain(self, process: str, key: str, uuid: str) -> dict[str, Any]:
        """Why the job is where it is: `{"process", "uuid", "key", "state", "sentence", ...}`. Raises JobNotFound."""

    def events(self, process: str, key: str, uuid: str, after: str, limit: int) -> dict[str, Any]:
        """`{"process", "uuid", "key", "events", "next", "dropped"}`. Raises JobNotFound, InvalidRequest (`after_invalid`)."""

    def callback(self, process: str, key: str, uuid: str, task: str, token: str, body: bytes) -> None:
        """Give a waiting task its reply; it is in Redis when this returns. Raises CallbackNotFound, CallbackUsed, CallbackLate."""

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

    def register(self, dialect: str, kind: str, body: bytes) -> str:
        """Keep a definition, anew or in place of the one of its name: its id.

        Raises InvalidRequest (`body_empty`, `body_not_json`), FieldErrors, DefinitionClash.
        """

    def registered(self, dialect: str, kind: str) -> list[dict[str, Any]]:
        """All definitions of a kind, each with its id."""

    def registered_one(self, dialect: str, kind: str, id: str) -> dict[str, Any]:
        """A definition with its id. Raises DefinitionNotFound."""

    def unregister(self, dialect: str, kind: str, id: str) -> None:
        """Keep a definition no longer. Raises DefinitionNotFound, DefinitionClash."""

    def picture(self, dialect: str, id: str, form: Picture) -> str:
        """A definition that can be started, drawn. Raises DefinitionNotFound."""
