"""Definitions that are registered while nodes run: taken in, shown, taken out. Every node has them a second later, and this one at once.

Others may register something at the same time. So each change is checked against all that is registered, is written if that is still so,
and checked again where it is not.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

from cameron.core.process import Process
from cameron.core.strict_json import NotJson, compact, parse
from cameron.definitions.files.document import TWICE, repeated
from cameron.definitions.picture import mermaid, svg
from cameron.definitions.registrar import Clash, Known, Registrar, identity
from cameron.definitions.schema import Fault
from cameron.errors import DefinitionClash, DefinitionNotFound, FieldErrors, InvalidRequest, ProcessNotFound, StoreUnavailable
from cameron.process_catalog import Catalog
from cameron.registered_documents import known_of, named
from cameron.store import keys
from cameron.store.redis import StoreAway, StoreError
from cameron.store.registered import Misplaced, Registered, Slot, Snapshot
from cameron.store.strict import Strict

PERHAPS_DONE = "the definition may have been registered, or deleted, all the same: do it again, twice does no harm"


class _Seen(NamedTuple):
    """What a change rests on."""

    snapshot: Snapshot
    known: Known


class Lookup(NamedTuple):
    """How this node's catalog is asked; both raise StoreUnavailable."""

    refresh: Callable[[], int]  # have it as what is registered: the version of that
    find: Callable[[str], Process]  # by name or alias, also what was registered just now; raises ProcessNotFound


class Registration:
    """For any thread. Every method raises StoreUnavailable; `dialect` is one that is registered in, `kind` one of its kinds."""

    def __init__(self, catalog: Catalog, registered: Registered, strict: Strict, lookup: Lookup, timeout_s: float) -> None:
        self._catalog, self._registered, self._strict, self._lookup = catalog, registered, strict, lookup
        self._timeout_s = timeout_s  # of a write, until it is as safe as it has to be
        self._registrars = catalog.registrars()

    def register(self, dialect: str, kind: str, body: bytes) -> str:
        """Keep a document, anew or in place of the one of its name: its id.

        Raises InvalidRequest, FieldErrors, DefinitionClash.
        """
        document = _document(body)

        def put(seen: _Seen) -> tuple[str, int]:
            name, text = self._checked(self._registrars[dialect], kind, document, seen.known)
            return name, self._registered.put(seen.snapshot.version, Slot(dialect, kind, name), text)

        return identity(kind, self._change(dialect, put))

    def unregister(self, dialect: str, kind: str, id: str) -> None:
        """Keep a document no longer, by its id or name. Raises DefinitionNotFound, DefinitionClash."""

        def remove(seen: _Seen) -> tuple[str, int]:
            name = _named(seen.known, kind, id)
            if clash := self._registrars[dialect].removable(kind, name, seen.known):
                raise DefinitionClash(clash.message)
            return name, self._registered.remove(seen.snapshot.version, Slot(dialect, kind, name))

        self._change(dialect, remove)

    def all(self, dialect: str, kind: str) -> list[dict[str, Any]]:
        """The documents of a kind by name, as clients are shown them."""
        known, show = self._seen(dialect).known, self._registrars[dialect].summary
        return [show(kind, name, document) for (of_kind, name), document in sorted(known.items()) if of_kind == kind]

    def one(self, dialect: str, kind: str, id: str) -> dict[str, Any]:
        """A document as clients are shown it, by its id or name. Raises DefinitionNotFound."""
        known = self._seen(dialect).known
        name = _named(known, kind, id)
        return self._registrars[dialect].summary(kind, name, known[kind, name])

    def picture(self, dialect: str, id: str, form: Literal["svg", "mermaid"]) -> str:
        """A process that is registered, drawn. Raises DefinitionNotFound."""
        try:
            process = self._lookup.find(id)
        except ProcessNotFound:
            process = None
        if process is None or process.dialect != dialect:
            raise DefinitionNotFound(self._registrars[dialect].kinds[-1], id)
        return svg(process) if form == "svg" else mermaid(process)

    def _checked(self, registrar: Registrar, kind: str, document: object, known: Known) -> tuple[str, str]:
        """The name and the text of a document that may be registered. Raises FieldErrors, DefinitionClash, InvalidRequest."""
        match registrar.check(kind, document, known):
            case Clash(message):
                raise DefinitionClash(message)
            case faults if faults:
                raise FieldErrors(faults)
        if not isinstance(document, dict):
            raise InvalidRequest("body_not_object", "the body must be a JSON object")
        name, before = str(document["name"]), {process.digest for process in registrar.compile(known)[0]}
        for process in registrar.compile({**known, (kind, name): document})[0]:
            if process.digest not in before and self._catalog.in_files(process.name):
                raise DefinitionClash(f"a file of this node defines a process named {process.name!r}: take another name")
        return name, compact(document)

    def _change(self, dialect: str, write: Callable[[_Seen], tuple[str, int]]) -> str:
        """Have it written that way, as safe as the node is set to have it, and known here: the name of what was changed."""
        give_up_at_s = time.monotonic() + self._timeout_s
        name, version = self._write(dialect, write, give_up_at_s)
        try:
            self._strict.settle((keys.REGISTERED_VERSION,), give_up_at_s)
            known_version = self._lookup.refresh()
        except StoreUnavailable as error:
            raise StoreUnavailable(error.why, silent=True, mend=PERHAPS_DONE) from None
        if known_version < version:
            raise StoreUnavailable("redis has crashed or failed over, and has lost the change: make it again")
        return name

    def _write(self, dialect: str, write: Callable[[_Seen], tuple[str, int]], give_up_at_s: float) -> tuple[str, int]:
        """The name of what was changed, and the version since. Each time that it is not done, somebody else's change is."""
        while time.monotonic() < give_up_at_s:
            seen = self._seen(dialect)
            with _answered(PERHAPS_DONE):
                name, version = write(seen)
            if version:
                return name, version
        raise StoreUnavailable("others keep changing what is registered")

    def _seen(self, dialect: str) -> _Seen:
        with _answered():
            snapshot = self._registered.read_all()
        return _Seen(snapshot, known_of(snapshot, dialect))


@contextmanager
def _answered(mend: str = "") -> Iterator[None]:
    """What Redis is asked in here raises StoreUnavailable; `mend` is what to do where nobody knows whether it was done."""
    try:
        yield
    except Misplaced as error:
        raise StoreUnavailable(str(error)) from None
    except StoreAway as error:
        raise StoreUnavailable(f"redis does not answer: {error}", silent=bool(mend), mend=mend) from None
    except StoreError as error:
        raise StoreUnavailable(f"redis refuses: {error}") from None


def _document(body: bytes) -> object:
    """Raises InvalidRequest, and FieldErrors for what is said twice: nobody would know which of them counts."""
    if not body.strip():
        raise InvalidRequest("body_empty", "the body is empty; it must be the definition, a JSON object")
    try:
        document: object = parse(body)
    except NotJson as error:
        raise InvalidRequest("body_not_json", f"the body cannot be read: {error}; it must be the definition, a JSON object") from None
    if twice := [Fault(path, TWICE) for path in repeated(body.decode())]:
        raise FieldErrors({fault.field: [fault.told] for fault in reversed(twice)})
    return document


def _named(known: Known, kind: str, id: str) -> str:
    """The name of the document of that id; a name that is nobody's id does for it, as it does when a process is started."""
    name = named(known, kind, id) or (id if (kind, id) in known else None)
    if name is None:
        raise DefinitionNotFound(kind, id)
    return name
