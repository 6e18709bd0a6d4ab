"""What a dialect is to the API through which its definitions are registered: documents checked, compiled, and shown again."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from cameron.core.process import Process

ID_DIGITS = 32

Known = Mapping[tuple[str, str], Mapping[str, Any]]  # (kind, name) -> document: all that the dialect has registered
FieldFaults = dict[str, list[str]]  # a member of the document -> what is wrong with it, for a person; empty: nothing is


class Clash(NamedTuple):
    """The document is sound, but does not go with what is registered besides."""

    message: str  # for a person


class Registrar(Protocol):
    """A dialect of which definitions are registered while nodes run; what it is given as `known` may have come from another node."""

    name: str
    kinds: tuple[str, ...]  # of documents, in the order in which one needs the other

    def check(self, kind: str, document: object, known: Known) -> FieldFaults | Clash:
        """What stands in the way of registering the document, anew or in place of the one of its name."""

    def removable(self, kind: str, name: str, known: Known) -> Clash | None:
        """What stands in the way of deleting a document."""

    def compile(self, known: Known) -> tuple[list[Process], list[str]]:
        """The processes of what is registered, and what is wrong with the others, a text each."""

    def summary(self, kind: str, name: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """The document as clients are shown it: with its id."""


_ID = re.compile(rf"[0-9A-Fa-f]{{{ID_DIGITS}}}")


def is_like_an_id(name: str) -> bool:
    """Whether what bears that name could be taken for another one's id; of the registered, the schema says the same."""
    return _ID.fullmatch(name) is not None


def identity(kind: str, name: str) -> str:
    """The id of a registered document, 32 hex digits; it follows from the name, so that a document that is updated keeps it."""
    return hashlib.sha256(f"{kind} {name}".encode()).hexdigest()[:ID_DIGITS]
