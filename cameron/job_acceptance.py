"""Accepting a job: it is in Redis, as safe as the node is set to have it, before its client hears of it."""

import hashlib
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from cameron.clock import Clock, Moment
from cameron.core.process import Process
from cameron.core.status import Status
from cameron.definitions import Dialect, Given, JobRequest
from cameron.errors import Backlogged, IdempotencyKeyReused, StoreUnavailable
from cameron.job_ledger import entry_fields
from cameron.process_catalog import Catalog
from cameron.store import keys
from cameron.store.strict import Strict

RunScript = Callable[[str, Sequence[str], Sequence[str | int]], Any]  # name, keys, arguments -> its answer; raises StoreUnavailable
PERHAPS_STORED = (
    "the job may have been stored all the same; repeat the request with the same Idempotency-Key, "
    "or without one look at the list of jobs first"
)
RIDES_ALONG = 4096  # characters: a request up to this size goes into the queue's entry too, which saves its runner three reads


class Accepted(NamedTuple):
    """A job that is safe in Redis."""

    process: str
    key: str
    uuid: str
    payload: str  # the request's body as text
    existing: bool = False  # it was there before: the request came a second time, or its key has an unfinished job
    alias: str = ""  # the process's other name; "": it has none
    accepted_ms: int = 0  # by Redis's clock, epoch milliseconds; 0: unknown
    status: Status = Status.SCHEDULED  # what the job is by now


class AcceptanceSettings(NamedTuple):
    """See the sections `web` and `job` of the configuration."""

    timeout_s: float
    max_backlog: int
    idempotency_ms: int


class Acceptance:
    """For any thread."""

    def __init__(self, catalog: Catalog, clock: Clock, settings: AcceptanceSettings, run_script: RunScript, strict: Strict) -> None:
        self._catalog, self._clock, self._settings, self._run, self._strict = catalog, clock, settings, run_script, strict

    def accept(self, definition: Process, body: bytes | Given, idempotency_key: str) -> Accepted:
        """A new job of that process, which is started with that body or with what is given; it is in Redis when this returns.

        Raises InvalidRequest, Backlogged, IdempotencyKeyReused, StoreUnavailable.
        """
        dialect = self._catalog.dialect(definition)
        body = dialect.start_body(body) if isinstance(body, Given) else body
        request = dialect.read_request(definition, body)
        job, text, process = uuid.uuid4().hex, body.decode("utf-8"), definition.name
        request = request._replace(key=request.key or job)
        give_up_at_s, at = time.monotonic() + self._settings.timeout_s, self._clock.now()
        answer = self._store(definition, dialect, request, job, text, at, idempotency_key)
        accepted = Accepted(process, request.key, job, text, alias=definition.alias, accepted_ms=at.ms)
        if isinstance(answer, list):
            accepted = self._not_accepted(answer, accepted, idempotency_key)
        # A job that is not there any more may still be remembered by its Idempotency-Key.
        proofs = (dialect.layout.job_key(process, accepted.key, accepted.uuid), keys.idempotency(process, idempotency_key))
        self._strict.settle(proofs, give_up_at_s)
        return accepted

    def _store(
        self, definition: Process, dialect: Dialect, request: JobRequest, job: str, text: str, at: Moment, idempotency_key: str
    ) -> Any:
        process, key, settings = definition.name, request.key, self._settings
        deadline_ms = at.ms + int(definition.limits.timeout_s * 1000)
        fields = dialect.layout.accepted(request, at.stamp)
        record = ["request", text, "definition", definition.digest, "deadline", str(deadline_ms)]
        entry = entry_fields(process, key, job, at.ms)
        if len(text) <= RIDES_ALONG:
            entry += record
        record += ("accepted", str(at.ms), *request.record)
        names = [dialect.layout.job_key(process, key, job), keys.record(process, job), keys.queue(process)]
        names += (keys.jobs(process, "scheduled"), keys.jobs_by_key(process))
        if idempotency_key or definition.unique:
            names += (keys.idempotency(process, idempotency_key), keys.unique(process, key))
        known = f"{job} {_fingerprint(text)} {key}" if idempotency_key else ""
        args: list[str | int] = [settings.max_backlog, keys.job_member(key, at.ms, job), at.ms, known, settings.idempotency_ms]
        args += (job if definition.unique else "", len(fields), *fields, len(record), *record, *entry)
        try:
            return self._run("accept", names, args)
        except StoreUnavailable as error:
            if error.silent:
                raise StoreUnavailable(error.why, silent=True, mend=PERHAPS_STORED) from None
            raise

    def _not_accepted(self, answer: list[Any], asked: Accepted, idempotency_key: str) -> Accepted:
        """What stands in the way: as many jobs as there may be, or the very job that is asked for."""
        match answer:
            case ["full", _]:
                raise Backlogged(asked.process, self._settings.max_backlog)
            case ["unfinished", other]:
                return asked._replace(uuid=str(other), existing=True, accepted_ms=0)
            case ["known", known]:
                job, fingerprint, key = str(known).split(" ", 2)
                if fingerprint != _fingerprint(asked.payload):
                    raise IdempotencyKeyReused(idempotency_key)
                return asked._replace(key=key, uuid=job, existing=True, accepted_ms=0)
        raise StoreUnavailable(f"redis answers {answer!r}")


def _fingerprint(text: str) -> str:
    """Tells whether two requests of one Idempotency-Key ask for the same."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]
