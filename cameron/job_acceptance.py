"""Accepting a job: it is in Redis, as safe as the node is set to have it, before its client hears of it."""

import hashlib
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from cameron.clock import Clock, Moment
from cameron.core.process import Process
from cameron.core.status import Status
from cameron.definitions import Given
from cameron.errors import Backlogged, CameronError, IdempotencyKeyReused, InvalidRequest, StoreUnavailable
from cameron.job_ledger import entry_fields
from cameron.process_catalog import Catalog
from cameron.store import keys
from cameron.store.strict import Strict

RunScript = Callable[[str, Sequence[str], Sequence[str | int]], Any]  # name, keys, arguments -> its answer; raises StoreUnavailable
Call = tuple[Sequence[str], Sequence[str | int]]  # keys, arguments
RunScripts = Callable[[str, Sequence[Call]], list[Any]]  # in one pipeline: an answer each, or a StoreUnavailable in its place
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


class _Offer(NamedTuple):
    """A job that can be stored: what the script `accept` is to be called with, and what the job then is."""

    job: Accepted
    job_key: Callable[[str, str, str], str]  # its dialect's
    token: str  # the request's Idempotency-Key, "": it has none
    names: list[str]
    args: list[str | int]


class Acceptance:
    """For any thread."""

    def __init__(
        self, catalog: Catalog, clock: Clock, settings: AcceptanceSettings, run_script: RunScript, run_scripts: RunScripts, strict: Strict
    ) -> None:
        self._catalog, self._clock, self._settings, self._strict = catalog, clock, settings, strict
        self._run, self._run_all = run_script, run_scripts

    def accept(self, definition: Process, body: bytes | Given, idempotency_key: str) -> Accepted:
        """A new job of that process, which is started with that body or with what is given; it is in Redis when this returns.

        Raises InvalidRequest, Backlogged, IdempotencyKeyReused, StoreUnavailable.
        """
        give_up_at_s = time.monotonic() + self._settings.timeout_s
        offer = self._offer(definition, body, idempotency_key, self._clock.now())
        try:
            answer = self._run("accept", offer.names, offer.args)
        except StoreUnavailable as error:
            raise _perhaps_stored(error) from None
        accepted = self._accepted(offer, answer)
        self._strict.settle(_proofs(offer, accepted), give_up_at_s)
        return accepted

    def accept_all(self, definition: Process, bodies: Sequence[bytes], idempotency_key: str) -> list[Accepted | CameronError]:
        """A new job of that process for each body, in one round trip to Redis; where there is none, the error that `accept` raises.

        The body at place n (from 0) has the Idempotency-Key `{idempotency_key}/{n}`. Raises StoreUnavailable where nothing is known of any.
        """
        give_up_at_s, at = time.monotonic() + self._settings.timeout_s, self._clock.now()
        offers: list[_Offer | InvalidRequest] = []
        for place, body in enumerate(bodies):
            try:
                offers.append(self._offer(definition, body, idempotency_key and f"{idempotency_key}/{place}", at))
            except InvalidRequest as error:
                offers.append(error)
        stored = iter(self._store_all([offer for offer in offers if isinstance(offer, _Offer)], give_up_at_s))
        return [next(stored) if isinstance(offer, _Offer) else offer for offer in offers]

    def _store_all(self, offers: Sequence[_Offer], give_up_at_s: float) -> list[Accepted | CameronError]:
        if not offers:
            return []
        try:
            answers = self._run_all("accept", [(offer.names, offer.args) for offer in offers])
        except StoreUnavailable as error:
            raise _perhaps_stored(error) from None
        told = [self._told(offer, answer) for offer, answer in zip(offers, answers, strict=True)]
        unsettled = [(place, one) for place, one in enumerate(told) if isinstance(one, Accepted)]
        losses = self._strict.settle_all([_proofs(offers[place], one) for place, one in unsettled], give_up_at_s)
        for (place, _), lost in zip(unsettled, losses, strict=True):
            told[place] = lost or told[place]
        return told

    def _told(self, offer: _Offer, answer: Any) -> Accepted | CameronError:
        try:
            return answer if isinstance(answer, StoreUnavailable) else self._accepted(offer, answer)
        except CameronError as error:
            return error

    def _offer(self, definition: Process, body: bytes | Given, token: str, at: Moment) -> _Offer:
        """Raises InvalidRequest."""
        dialect = self._catalog.dialect(definition)
        body = dialect.start_body(body) if isinstance(body, Given) else body
        request = dialect.read_request(definition, body)
        job, text, process, settings = uuid.uuid4().hex, body.decode("utf-8"), definition.name, self._settings
        key = request.key or job
        fields = dialect.layout.accepted(request._replace(key=key), at.stamp)
        deadline_ms = at.ms + int(definition.limits.timeout_s * 1000)
        record = ["request", text, "definition", definition.digest, "deadline", str(deadline_ms)]
        entry = entry_fields(process, key, job, at.ms)
        if len(text) <= RIDES_ALONG:
            entry += record
        record += ("accepted", str(at.ms), *request.record)
        names = [dialect.layout.job_key(process, key, job), keys.record(process, job), keys.queue(process)]
        names += (keys.jobs(process, "scheduled"), keys.jobs_by_key(process))
        if token or definition.unique:
            names += (keys.idempotency(process, token), keys.unique(process, key))
        known = f"{job} {_fingerprint(text)} {key}" if token else ""
        args: list[str | int] = [settings.max_backlog, keys.job_member(key, at.ms, job), at.ms, known, settings.idempotency_ms]
        args += (job if definition.unique else "", len(fields), *fields, len(record), *record, *entry)
        accepted = Accepted(process, key, job, text, alias=definition.alias, accepted_ms=at.ms)
        return _Offer(accepted, dialect.layout.job_key, token, names, args)

    def _accepted(self, offer: _Offer, answer: Any) -> Accepted:
        """The job by what `accept` has answered. Raises what stands in its way: as many jobs as there may be, or another request."""
        match answer:
            case "accepted" | "exists":
                return offer.job
            case ["full", _]:
                raise Backlogged(offer.job.process, self._settings.max_backlog)
            case ["unfinished", other]:
                return offer.job._replace(uuid=str(other), existing=True, accepted_ms=0)
            case ["known", known]:
                job, fingerprint, key = str(known).split(" ", 2)
                if fingerprint != _fingerprint(offer.job.payload):
                    raise IdempotencyKeyReused(offer.token)
                return offer.job._replace(key=key, uuid=job, existing=True, accepted_ms=0)
        raise StoreUnavailable(f"redis answers {answer!r}")


def _proofs(offer: _Offer, accepted: Accepted) -> tuple[str, str]:
    """Keys of which one is there: a job that is not there any more may still be remembered by its Idempotency-Key."""
    process = accepted.process
    return offer.job_key(process, accepted.key, accepted.uuid), keys.idempotency(process, offer.token)


def _perhaps_stored(error: StoreUnavailable) -> StoreUnavailable:
    """The error as a client is told it: where Redis was silent, with what that may mean."""
    return StoreUnavailable(error.why, silent=True, mend=PERHAPS_STORED) if error.silent else error


def _fingerprint(text: str) -> str:
    """Tells whether two requests of one Idempotency-Key ask for the same."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]
