"""What is registered, by dialect: documents read, compiled, and found by their ids. What is broken takes nothing else down."""

import logging
from collections.abc import Mapping
from typing import Any

from cameron.core.process import Process
from cameron.core.strict_json import NotJson, parse
from cameron.definitions.registrar import Known, Registrar, identity
from cameron.store.registered import Slot, Snapshot

log = logging.getLogger("cameron.process_catalog")


def compiled(snapshot: Snapshot, registrars: Mapping[str, Registrar]) -> tuple[list[Process], list[str]]:
    """The processes, and what is wrong with the documents that make none, a text each."""
    processes = list[Process]()
    problems = [f"what is registered as {stray!r} names no definition: it is passed over" for stray in snapshot.strays]
    for slot in snapshot.documents:
        if slot.dialect not in registrars:
            problems.append(f"the registered {_named(slot)} is in a dialect unknown here ({slot.dialect}): upgrade this node")
    for name, registrar in registrars.items():
        known, broken = _read(snapshot, name)
        found, wrong = _compiled(registrar, known)
        processes += found
        problems += (*broken, *wrong)
    return processes, problems


def known_of(snapshot: Snapshot, dialect: str) -> Known:
    """The documents of a dialect, but those that cannot be read."""
    return _read(snapshot, dialect)[0]


def named(known: Known, kind: str, id: str) -> str | None:
    """The name of the document of that kind and id; None: there is none."""
    return next((name for of_kind, name in known if of_kind == kind and identity(kind, name) == id), None)


def _compiled(registrar: Registrar, known: Known) -> tuple[list[Process], list[str]]:
    try:
        return registrar.compile(known)
    except Exception as error:  # of documents that another version of the program has put there, say
        log.exception("the registered definitions of %s cannot be used", registrar.name)
        return [], [f"the registered definitions of {registrar.name} cannot be used: {error!r}"]


def _read(snapshot: Snapshot, dialect: str) -> tuple[Known, list[str]]:
    """The documents, and what is wrong with the others."""
    known, problems = dict[tuple[str, str], Mapping[str, Any]](), list[str]()
    for slot, text in snapshot.documents.items():
        if slot.dialect == dialect:
            try:
                known[slot.kind, slot.name] = _object(text)
            except NotJson as error:
                problems.append(f"the registered {_named(slot)} cannot be read ({error}): register it again")
    return known, problems


def _object(text: str) -> Mapping[str, Any]:
    document = parse(text.encode())
    if not isinstance(document, dict):
        raise NotJson("it is no object")
    return document


def _named(slot: Slot) -> str:
    return f"{slot.kind} {slot.name!r}"
