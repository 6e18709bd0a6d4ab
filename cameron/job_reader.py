"""A job as Redis has it: for those who show, explain, cancel or retry it.

Blocks for one round trip; for another one or two where the definition that the job started with is not known here, or is in another
dialect than the process of its name is now.
"""

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Any, NamedTuple

from cameron.core.job import Job
from cameron.core.process import Process
from cameron.core.status import ENDED, IllegalTransition, Status
from cameron.definitions import Dialect, JobRequest
from cameron.definitions.dialect import Layout
from cameron.errors import ConfigError, InvalidRequest, JobNotFound, JobUnreadable, StoreUnavailable
from cameron.process_catalog import Catalog
from cameron.store import keys
from cameron.store.names import names_in
from cameron.store.queue import is_gone
from cameron.store.redis import StoreRefused, asking, reader

RECORD_MARKS = ("definition", "accepted")


class StoredJob(NamedTuple):
    """A job with all that Redis holds of it."""

    process: Process  # what it started with
    dialect: Dialect
    fields: Mapping[str, str]  # of its hash
    record: Mapping[str, str]
    job: Job

    @property
    def accepted_ms(self) -> int:
        """When it was accepted, in epoch milliseconds."""
        return int(self.record.get("accepted", 0))


class Sighted(NamedTuple):
    """A job of which no more was read than whose it is, and what it is now."""

    process: str
    key: str
    dialect: Dialect
    status: Status | None  # None: its hash does not say
    accepted_ms: int  # 0: nobody knows any more


class _Depth(Enum):
    """How much of a job is read."""

    MARKS = auto()  # of its hash its key and its status, of its record what it started with and when it was accepted
    SHOWN = auto()  # its hash, and the record where its dialect shows it
    WHOLE = auto()


class _Marks(NamedTuple):
    """The fields of a dialect's hashes that say by themselves what a job's key is, and what the job is."""

    key: str
    status: str


class _Found(NamedTuple):
    """A job's keys, and whose they are."""

    process: str
    key: str
    definition: Process | None  # None: nobody has it any more, or it cannot be read
    dialect: Dialect
    fields: Mapping[str, str]
    record: Mapping[str, str]  # at least its `definition`
    fault: str  # of the definition; "": none

    def shown(self, uuid: str) -> bytes:
        """As its clients see it."""
        record = self.record if self.dialect.manner.shows_record else {}
        return self.dialect.show(self.process, self.key, uuid, self.fields, record)


class JobReader:
    """For any thread.

    A process is named by its name or alias. A `key` of "" is one that whoever asks was not told: the job's own is taken. Then the name of
    its hash does not hang on the key, or the key is the uuid.
    """

    def __init__(self, catalog: Catalog, url: str, timeout_s: float) -> None:
        self._catalog = catalog
        self._redis: Any = reader(url, timeout_s)
        self._marks = {dialect.name: _marks(dialect.layout) for dialect in catalog.dialects()}

    def knows(self, process: str) -> bool:
        """Whether there is, or was, a process of that name. Raises what redis-py does."""
        return process in self._catalog.names() or bool(self._redis.sismember(keys.QUEUES, process))

    def shown(self, process: str, key: str, uuid: str) -> bytes:
        """The job as the JSON document of its dialect. Raises JobNotFound, StoreUnavailable."""
        with asking():
            return self._find(process, key, uuid).shown(uuid)

    def ended(self, process: str, key: str, uuid: str) -> bytes | None:
        """As `shown`, where the job has ended; until then None, for one field read."""
        name = self._catalog.name_of(process)
        dialect = self._catalog.dialect_of(name)
        field = self._marks[dialect.name].status
        with asking():
            status = self._redis.hget(dialect.layout.job_key(name, key or uuid, uuid), field)
            if status is not None and dialect.layout.status_in({field: status}) not in ENDED:
                return None
            found = self._find(process, key, uuid)  # of another dialect, perhaps
        return found.shown(uuid) if found.dialect.layout.status_in(found.fields) in ENDED else None

    def sighted(self, process: str, key: str, uuid: str) -> Sighted:
        """Whose the job is, for a read of four fields. Raises JobNotFound, StoreUnavailable."""
        with asking():
            found = self._find(process, key, uuid, _Depth.MARKS)
        status = found.dialect.layout.status_in(found.fields)
        return Sighted(found.process, found.key, found.dialect, status, int(found.record.get("accepted", 0)))

    def standing(self, process: str, key: str, uuid: str) -> tuple[int, Status | None]:
        """When a job was accepted, in epoch milliseconds, and what it is; 0 and None where nobody knows (any more).

        Raises StoreUnavailable.
        """
        dialect = self._catalog.dialect_of(process)
        layout, field = dialect.layout, self._marks[dialect.name].status
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hget(keys.record(process, uuid), "accepted").hget(layout.job_key(process, key, uuid), field)
        with asking():
            accepted, status = pipeline.execute()
        return int(accepted or 0), layout.status_in({field: status or ""})

    def read(self, process: str, key: str, uuid: str) -> StoredJob:
        """The job, restored from its hash and its record. Raises JobNotFound, JobUnreadable, StoreUnavailable."""
        with asking():
            found = self._find(process, key, uuid, _Depth.WHOLE)
        record, definition = found.record, found.definition
        if "definition" not in record:
            raise JobNotFound(process, uuid)
        if found.fault:
            raise JobUnreadable(found.process, uuid, found.fault)
        if definition is None:
            raise StoreUnavailable(f"the definition {record['definition']} that the job started with is no longer in redis")
        try:
            new = self._catalog.new_job(definition, found.key, uuid, record["request"], int(record["deadline"]))
            return StoredJob(definition, found.dialect, found.fields, record, found.dialect.layout.restore(new, found.fields, record))
        except (KeyError, ValueError, InvalidRequest, IllegalTransition) as error:
            raise JobUnreadable(found.process, uuid, repr(error)) from error

    def holder(self, stored: StoredJob) -> str:
        """The node that has been given the job; "" while it waits in its queue, or is in none. Raises StoreUnavailable."""
        queue, entry = keys.queue(stored.job.process), stored.record["entry"]
        with asking():
            try:
                pending = self._redis.xpending_range(queue, keys.GROUP, entry, entry, 1)
            except StoreRefused as error:
                if is_gone(error):  # no node has read the queue yet
                    return ""
                raise StoreUnavailable(f"redis refuses: {error}") from None
        return str(pending[0]["consumer"]) if pending else ""

    def _find(self, process: str, key: str, uuid: str, depth: _Depth = _Depth.SHOWN) -> _Found:
        """The job's keys, as much of them as is wanted. Raises JobNotFound, and what redis-py does."""
        name = self._catalog.name_of(process)
        dialect = self._catalog.dialect_of(name)
        fields, record = self._keys(dialect, name, key, uuid, depth)
        definition, fault = self._definition(name, record.get("definition"))
        if definition and definition.dialect != dialect.name:
            dialect = self._catalog.dialect(definition)
            fields, record = self._keys(dialect, name, key, uuid, depth)
        if not fields:
            if not definition and (former := self._former(process, uuid)):
                return self._find(former, key, uuid, depth)
            raise JobNotFound(process, uuid)
        own = dialect.layout.key_in(fields) or key
        if key and own != key:  # where the hash's name does not tell
            raise JobNotFound(process, uuid)
        return _Found(name, own, definition, dialect, fields, record, fault)

    def _keys(self, dialect: Dialect, name: str, key: str, uuid: str, depth: _Depth) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """The hash as that dialect names it, and as much of the record as is wanted."""
        whole = depth is _Depth.WHOLE or (depth is _Depth.SHOWN and dialect.manner.shows_record)
        job_key, record_key, marks = dialect.layout.job_key(name, key or uuid, uuid), keys.record(name, uuid), self._marks[dialect.name]
        pipeline = self._redis.pipeline(transaction=whole)  # then the two belong to one moment; what a job started with never changes
        pipeline.hmget(job_key, marks) if depth is _Depth.MARKS else pipeline.hgetall(job_key)
        if whole:
            fields, record = pipeline.hgetall(record_key).execute()
            return fields, record
        fields, record = pipeline.hmget(record_key, RECORD_MARKS).execute(raise_on_error=False)
        if isinstance(fields, Exception):
            raise fields
        return (
            _there(marks, fields) if depth is _Depth.MARKS else fields,
            {} if isinstance(record, Exception) else _there(RECORD_MARKS, record),
        )

    def _definition(self, process: str, digest: str | None) -> tuple[Process | None, str]:
        """What a job started with, and what is wrong with that: a later release may have written it."""
        known = self._catalog.started_with(digest) if digest else None
        if known or not digest:
            return known, ""
        document = self._redis.get(keys.definition(process, digest))
        try:
            return (self._catalog.meet(document) if document else None), ""
        except (ConfigError, LookupError, TypeError, ValueError) as error:
            return None, f"the definition {digest}: {error!r}"

    def _former(self, alias: str, uuid: str) -> str | None:
        """The process that had that alias, and has the job: it is defined no more, or one that has no alias has its name now."""
        if self._catalog.is_known(alias):
            return None
        former = sorted(names_in(self._redis, keys.QUEUES) - self._catalog.aliased() - {alias})
        pipeline = self._redis.pipeline(transaction=False)
        for name in former:
            pipeline.hget(keys.record(name, uuid), "definition")
        for name, digest in zip(former, pipeline.execute(raise_on_error=False) if former else (), strict=True):
            definition, _ = self._definition(name, digest if isinstance(digest, str) else None)
            if definition and definition.alias == alias:
                return name
        return None


def _marks(layout: Layout) -> _Marks:
    accepted = layout.accepted(JobRequest("key", "", "", b""), "")
    fields = list(zip(accepted[::2], accepted[1::2], strict=True))
    key = next(field for field, value in fields if layout.key_in({field: value}))
    return _Marks(key, next(field for field, value in fields if layout.status_in({field: value})))


def _there(names: Sequence[str], values: Sequence[str | None]) -> dict[str, str]:
    """The fields of a hash that there are."""
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}
