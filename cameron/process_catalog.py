"""The catalog of processes: definitions by name, and by digest for jobs that go on with the one they started with.

The actor reads the definitions, from files when it starts and the registered ones from Redis whenever they change, and publishes an
immutable list; whoever needs a definition reads that, without a message.

No name of one process is the alias of another: of what is registered, by an earlier release perhaps, the one of such a name is passed
over. So is what bears a name that a file defines; its jobs are still found by its alias.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from time import monotonic
from types import MappingProxyType
from typing import Any, NamedTuple, cast

from cameron.core.job import Job, new_job
from cameron.core.process import Process
from cameron.definitions import Dialect, Settings, dialects, load, read_document
from cameron.definitions.registrar import Registrar
from cameron.errors import ConfigError, ProcessNotFound, StoreUnavailable
from cameron.job_data import Define, Undefine
from cameron.misconfigured import Misconfigured
from cameron.otp import Address, Later, ThreadActor, Timer
from cameron.registered_documents import compiled
from cameron.store import keys
from cameron.store.redis import StoreAway, StoreError
from cameron.store.registered import Misplaced, Registered, Snapshot

log = logging.getLogger("cameron.process_catalog")

LOOK_S = 1.0  # between looks whether something else is registered
LOOK_APART_S = 0.003  # the least, however many ask for one; who asks waits with a thread of the web server, so it is no more
READ_EACH = 60  # looks: then all is read again, as a Redis that crashed may have counted twice to the same number
MOST_MET = 1000  # definitions kept that no job starts with (any more); who needs another one meets it in Redis again

Told = Callable[[Collection[Process]], None]


class _Published(NamedTuple):
    """What can be started, and what is wrong with the rest; replaced as a whole."""

    files: Mapping[str, Process]
    registered: tuple[Process, ...] | None  # None: not read yet
    by_name: Mapping[str, Process]
    by_alias: Mapping[str, Process]
    by_digest: Mapping[str, Process]  # also those that are passed over
    names: Mapping[str, str]  # by alias, also of those that are passed over
    file_problems: tuple[str, ...]
    problems: tuple[str, ...]


class _Met:
    """Definitions that jobs go on with, though none starts with them: the last so many, and dialects by name. Reads are lock-free."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._by_digest: dict[str, Process] = {}  # a digest never changes its meaning
        self._dialects: dict[str, str] = {}

    def keep(self, process: Process, is_newer: bool) -> Process:
        """Keep it; `is_newer` than others of its name. Any thread."""
        with self._lock:
            _keep(self._by_digest, process.digest, process)
            if is_newer or process.name not in self._dialects:
                _keep(self._dialects, process.name, process.dialect)
        return process

    def process(self, digest: str) -> Process | None:
        """Where it is kept."""
        return self._by_digest.get(digest)

    def dialect_of(self, name: str) -> str | None:
        """The one that a process of that name was in."""
        return self._dialects.get(name)


def _keep(kept: dict[str, Any], name: str, value: Any) -> None:
    kept[name] = value
    if len(kept) > MOST_MET:
        del kept[next(iter(kept))]


class Catalog:
    """The definitions as they are published: reads are lock-free from any thread, writes are the catalog actor's."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._dialects = dialects(settings)
        self._met = _Met()
        self._published = _listed({}, None, (), ())

    def publish(self, processes: Iterable[Process], problems: Sequence[str] = (), before: Told | None = None) -> None:
        """Make these the processes that files define; `before` that, it is told all that can be started from then on."""
        files = {process.name: process for process in processes}
        self._publish(_listed(files, self._published.registered, tuple(problems), ()), before)

    def publish_registered(self, processes: Iterable[Process] | None, problems: Sequence[str] = (), before: Told | None = None) -> None:
        """Make these the processes that are registered; None: that could not be read yet."""
        published, registered = self._published, None if processes is None else tuple(processes)
        self._publish(_listed(published.files, registered, published.file_problems, tuple(problems)), before)

    def _publish(self, published: _Published, before: Told | None) -> None:
        if before:
            before(published.by_name.values())
        for digest, process in self._published.by_digest.items():
            if digest not in published.by_digest:
                self._met.keep(process, is_newer=True)
        self._published = published

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with definitions that cannot be used, a text for a person each."""
        return self._published.problems

    @property
    def registered(self) -> tuple[Process, ...] | None:
        """The registered processes, also those that are passed over; None where this node has not read them yet."""
        return self._published.registered

    def names(self) -> list[str]:
        """The names of the processes that can be started."""
        return list(self._published.by_name)

    def in_files(self, name: str) -> bool:
        """Whether a file of this node defines a process of that name."""
        return name in self._published.files

    def process(self, name: str) -> Process:
        """The process to start by that name, or alias. Raises ProcessNotFound."""
        published = self._published
        process = published.by_name.get(name) or published.by_alias.get(name)
        if process is None:
            raise ProcessNotFound(name)
        return process

    def name_of(self, name: str) -> str:
        """The name of the process of that name or alias, whether it can be started or not; what nobody defines is what it is."""
        published = self._published
        return name if name in published.by_name else published.names.get(name, name)

    def is_known(self, name: str) -> bool:
        """Whether it is the name or the alias of a process, of one that is passed over perhaps."""
        return name in self._published.by_name or name in self._published.names

    def aliased(self) -> set[str]:
        """The names of the processes that have an alias."""
        return {*self._published.names.values()}

    def started_with(self, digest: str) -> Process | None:
        """The definition of that digest, where this node has met it, not too long ago."""
        return self._published.by_digest.get(digest) or self._met.process(digest)

    def meet(self, document: str) -> Process:
        """The process of a stored definition, known for a while by its digest."""
        process = read_document(document, self._settings)
        return self._published.by_digest.get(process.digest) or self._met.keep(process, is_newer=False)

    def new_job(self, process: Process, key: str, uuid: str, request: str, deadline_ms: int) -> Job:
        """A job as it was accepted, made again from its request's text. Raises InvalidRequest."""
        payload = self.dialect(process).read_request(process, request.encode()).payload
        return new_job(process, key, uuid, payload, deadline_ms)

    # dialects

    def dialects(self) -> list[Dialect]:
        """All of them, the main one first."""
        return list(self._dialects.values())

    def dialect_of(self, name: str) -> Dialect:
        """The dialect of the process of that name; of one that is defined no more, as far as this node has met it; else the main one."""
        process = self._published.by_name.get(name)
        dialect = process.dialect if process else self._met.dialect_of(name)
        return self._dialects[dialect or next(iter(self._dialects))]

    def dialect(self, process: Process) -> Dialect:
        """The dialect that the process is defined in."""
        return self._dialects[process.dialect]

    def registrars(self) -> dict[str, Registrar]:
        """The dialects of which definitions are registered, by name."""
        return {name: cast(Registrar, dialect) for name, dialect in self._dialects.items() if hasattr(dialect, "kinds")}

    def job_proof(self, process: str, key: str, uuid: str) -> str:
        """The key that is there for as long as the job is: its hash, or its record where the name may have been another dialect's."""
        defined = self._published.by_name.get(process)
        return self.dialect(defined).layout.job_key(process, key, uuid) if defined else keys.record(process, uuid)


def _listed(
    files: Mapping[str, Process], registered: tuple[Process, ...] | None, file_problems: tuple[str, ...], problems: tuple[str, ...]
) -> _Published:
    """What files define comes first; what is passed over is a problem."""
    every = registered or ()
    over = _passed_over(files, every)
    startable = [*files.values(), *(process for process in every if process.digest not in over)]
    left_out = [(process.name, over[process.digest]) for process in every if process.digest in over]
    told = tuple(f"the registered process {name!r} cannot be started, as {why}: rename one" for name, why in left_out)
    return _Published(
        files,
        registered,
        MappingProxyType({process.name: process for process in startable}),
        MappingProxyType({process.alias: process for process in startable if process.alias}),
        MappingProxyType({process.digest: process for process in (*every, *startable)}),
        MappingProxyType({process.alias: process.name for process in (*every, *startable) if process.alias}),
        file_problems,
        (*file_problems, *problems, *told),
    )


def _passed_over(files: Mapping[str, Process], registered: tuple[Process, ...]) -> dict[str, str]:
    """The registered processes that cannot be started, by digest, each with what stands in its way."""
    owners = {process.alias: process.name for process in registered if process.alias}
    over, seen = dict[str, str](), set[str]()
    for process in registered:
        name = process.name
        if name in files:
            over[process.digest] = f"a file of this node defines a process named {name!r}"
        elif process.alias in files:
            over[process.digest] = f"a file of this node defines a process named {process.alias!r}, which is its id"
        elif (owner := owners.get(name, name)) != name:
            over[process.digest] = f"{name!r} is the name of one process and the id of another, {owner!r}"
        elif name in seen:
            over[process.digest] = "another process of that name is registered"
        seen.add(name)
    return over


class Sources(NamedTuple):
    """Where definitions come from."""

    file: Path | None  # None: no `.config` file
    folder: Path
    redis_url: str
    redis_timeout_s: float


class Refresh(NamedTuple):
    """Asked: what is registered now is to be published. Answered by its version, or StoreUnavailable."""


class NewProcesses(NamedTuple):
    """Told to the scheduler: the catalog has names that it had not before."""


class _Look(NamedTuple):
    """A message to oneself."""


class ProcessCatalog(ThreadActor):
    """Publishes the definitions, and has them stored for jobs to come back to. Has its own thread. Name: `process_catalog`."""

    def __init__(self, catalog: Catalog, sources: Sources, settings: Settings) -> None:
        super().__init__()
        self._catalog, self._sources, self._settings = catalog, sources, settings
        self._store = Registered(sources.redis_url, sources.redis_timeout_s)
        self._job_data, self._scheduler = Address("job_data"), Address("job_scheduler")
        self._version: int | None = None  # of what is published; None: nothing registered is, as far as we know
        self._looks = 0  # since all was read
        self._looked_s = 0.0  # monotonic: the last time
        self._is_due = False
        self._next: Timer | None = None
        self._waiting: list[Later] = []  # who has asked for a look
        self._defined: Mapping[str, str] = {}  # by name, the digest that job_data was told
        self._told: set[str] = set()  # problems

    # hooks of the actor, all on its own thread

    def on_start(self) -> None:
        """The start fails where the file cannot be read. Redis may be away: what is registered comes when it is back."""
        try:
            loaded = load(self._sources.file, self._settings, self._sources.folder)
        except ConfigError as error:
            self.exit(Misconfigured(error))
            return
        self._catalog.publish(loaded.processes, loaded.problems, before=self._define)
        self._tell_problems()
        self.actor_ref.tell(_Look())

    def on_receive(self, message: Any) -> None:
        """Only collect, so that one look serves all who have asked meanwhile."""
        match message:
            case Refresh():
                self._waiting.append(self.reply_later())
            case _Look():
                self._is_due = True

    def on_drained(self) -> None:
        """The mailbox is empty: look, if it is time."""
        left_s = self._looked_s + LOOK_APART_S - monotonic()
        if self._is_due or (self._waiting and left_s <= 0):
            answer = self._look()
            self._is_due, self._looked_s = False, monotonic()
            waiting, self._waiting = self._waiting, []
            for later in waiting:
                later.set(answer)
            self._look_in(LOOK_S)
        elif self._waiting:
            self._look_in(left_s)

    def terminate(self, reason: object) -> None:
        """Leave no connection behind."""
        self._store.close()

    # what is registered

    def _look_in(self, delay_s: float) -> None:
        if self._next:
            self._next.cancel()
        self._next = self.send_after(delay_s, _Look())

    def _look(self) -> int | StoreUnavailable:
        """Read what is registered, if it has changed: its version."""
        try:
            self._looks += 1
            if self._looks >= READ_EACH or self._store.version() != self._version:
                self._take(self._store.read_all())
        except Misplaced as error:
            self._catalog.publish_registered(self._catalog.registered, [str(error)])
            self._tell_problems()
            return StoreUnavailable(str(error))
        except (*StoreAway, StoreError) as error:
            log.debug("the registered definitions cannot be read (%s)", error)
            return StoreUnavailable(f"redis does not answer: {error}")
        return self._version or 0

    def _take(self, snapshot: Snapshot) -> None:
        processes, problems = compiled(snapshot, self._catalog.registrars())
        known = set(self._catalog.names())
        self._catalog.publish_registered(processes, problems, before=self._define)
        if not known.issuperset(self._catalog.names()):
            self._scheduler.tell(NewProcesses())
        self._tell_problems()
        self._version, self._looks = snapshot.version, 0

    def _define(self, processes: Collection[Process]) -> None:
        """Have all that can be started stored, before anybody can start it, and the rest not be stored again."""
        digests = {process.name: process.digest for process in processes}
        for process in processes:
            if self._defined.get(process.name) != process.digest:
                self._job_data.tell(Define(process.name, process.digest, process.document))
        for name in self._defined.keys() - digests.keys():
            self._job_data.tell(Undefine(name))
        self._defined = digests

    def _tell_problems(self) -> None:
        """Each once, as long as it lasts."""
        problems = self._catalog.problems
        for problem in problems:
            if problem not in self._told:
                log.warning("%s", problem)
        self._told = set(problems)
