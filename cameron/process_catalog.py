"""The catalog of processes: definitions by name, and by digest for jobs that go on with the one they started with.

The actor reads the definitions and publishes an immutable `Catalog`; whoever needs a definition reads that, without a message.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from cameron.core.job import Job, new_job
from cameron.core.process import Process
from cameron.definitions import Dialect, Settings, dialects, load, read_document
from cameron.errors import ConfigError, ProcessNotFound
from cameron.job_data import Define
from cameron.misconfigured import Misconfigured
from cameron.otp import Actor, Address


class Catalog:
    """The definitions as they are published: reads are lock-free from any thread, writes are the catalog actor's."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._dialects = dialects(settings)
        self._by_name: Mapping[str, Process] = MappingProxyType({})
        self._by_digest: dict[str, Process] = {}  # only grows: a digest never changes its meaning

    def publish(self, processes: Iterable[Process]) -> None:
        """Make these the processes that can be started."""
        by_name = {process.name: process for process in processes}
        self._by_digest.update({process.digest: process for process in by_name.values()})
        self._by_name = MappingProxyType(by_name)

    def names(self) -> list[str]:
        """The names of the processes that can be started."""
        return list(self._by_name)

    def process(self, name: str) -> Process:
        """The process to start by that name. Raises ProcessNotFound."""
        try:
            return self._by_name[name]
        except KeyError:
            raise ProcessNotFound(name) from None

    def started_with(self, digest: str) -> Process | None:
        """The definition of that digest, where this node has met it."""
        return self._by_digest.get(digest)

    def meet(self, document: str) -> Process:
        """The process of a stored definition, known from now on by its digest."""
        process = read_document(document, self._settings)
        return self._by_digest.setdefault(process.digest, process)

    def new_job(self, process: Process, key: str, uuid: str, request: str, deadline_ms: int) -> Job:
        """A job as it was accepted, made again from its request's text. Raises InvalidRequest."""
        payload = self.dialect(process).read_request(process, request.encode()).payload
        return new_job(process, key, uuid, payload, deadline_ms)

    def dialect_of(self, name: str) -> Dialect:
        """The dialect of the process of that name, or the main one where there is none (any more)."""
        process = self._by_name.get(name)
        return self.dialect(process) if process else next(iter(self._dialects.values()))

    def dialect(self, process: Process) -> Dialect:
        """The dialect that the process is defined in."""
        return self._dialects[process.dialect]


class ProcessCatalog(Actor):
    """Reads the definitions when it starts, publishes them, and has them stored for jobs to come back to."""

    def __init__(self, catalog: Catalog, file: Path, settings: Settings) -> None:
        super().__init__()
        self._catalog, self._file, self._settings = catalog, file, settings

    def on_start(self) -> None:
        """The start fails where the file cannot be read."""
        try:
            processes = load(self._file, self._settings)
        except ConfigError as error:
            self.exit(Misconfigured(error))
            return
        self._catalog.publish(processes)
        job_data = Address("job_data")
        for process in processes:
            job_data.tell(Define(process.name, process.digest, process.document))
