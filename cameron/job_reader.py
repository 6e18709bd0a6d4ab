"""A job as Redis has it, read whole: for those who explain, cancel or retry it.

Blocks for one round trip, two where the definition that the job started with is not known here.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from cameron.core.job import Job
from cameron.core.process import Process
from cameron.core.status import IllegalTransition
from cameron.definitions import Dialect
from cameron.errors import InvalidRequest, JobNotFound, JobUnreadable, StoreUnavailable
from cameron.process_catalog import Catalog
from cameron.store import keys
from cameron.store.queue import is_gone
from cameron.store.redis import StoreRefused, asking, reader


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


class JobReader:
    """For any thread."""

    def __init__(self, catalog: Catalog, url: str, timeout_s: float) -> None:
        self._catalog = catalog
        self._redis: Any = reader(url, timeout_s)

    def knows(self, process: str) -> bool:
        """Whether there is, or was, a process of that name. Raises what redis-py does."""
        return process in self._catalog.names() or bool(self._redis.sismember(keys.QUEUES, process))

    def shown(self, process: str, key: str, uuid: str) -> bytes:
        """The job as the JSON document of its dialect; one round trip. Raises JobNotFound, StoreUnavailable."""
        # A process that is in no definitions file any more still has its finished jobs; they read as the main dialect's do.
        dialect = self._catalog.dialect_of(process)
        with asking():
            fields = self._redis.hgetall(dialect.job_key(process, key, uuid))
        if not fields:
            raise JobNotFound(process, uuid)
        return dialect.show(process, key, uuid, fields)

    def read(self, process: str, key: str, uuid: str) -> StoredJob:
        """The job, restored from its hash and its record. Raises JobNotFound, JobUnreadable, StoreUnavailable."""
        dialect = self._catalog.dialect_of(process)
        with asking():
            pipeline = self._redis.pipeline(transaction=True)  # the two belong to one moment
            fields, record = pipeline.hgetall(dialect.job_key(process, key, uuid)).hgetall(keys.record(process, uuid)).execute()
            if not fields or "definition" not in record:
                raise JobNotFound(process, uuid)
            definition = self._definition(process, record["definition"])
        dialect = self._catalog.dialect(definition)
        try:
            new = self._catalog.new_job(definition, key, uuid, record["request"], int(record["deadline"]))
            return StoredJob(definition, dialect, fields, record, dialect.restore(new, fields, record))
        except (KeyError, ValueError, InvalidRequest, IllegalTransition) as error:
            raise JobUnreadable(process, uuid, repr(error)) from error

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

    def _definition(self, process: str, digest: str) -> Process:
        known = self._catalog.started_with(digest)
        if known is None:
            document = self._redis.get(keys.definition(process, digest))
            if document is None:
                raise StoreUnavailable(f"the definition {digest} that the job started with is no longer in redis")
            known = self._catalog.meet(document)
        return known
