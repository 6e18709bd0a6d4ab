"""The JSON Schemas of the definition formats: published as they are, and what each definition is checked against.

One file a dialect, `schemas/<dialect>.json`, draft 2020-12. A dialect of several kinds of document has each under `$defs`.
"""

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from cameron.core.strict_json import parse
from cameron.definitions.schema_fault import Fault, faults_of

__all__ = ["Fault", "faults", "names", "schema_text"]

FAULTS_MAX = 50  # of one document that are told: a large one may have as many as it has members
_FOLDER = Path(__file__).parent / "schemas"


def _is_whole(_checker: object, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _properties(validator: Any, properties: dict[str, Any], value: object, _schema: object) -> Iterator[ValidationError]:
    """As the library has it; but there, what a schema of `false` refuses has no path."""
    for name, said in properties.items():
        if isinstance(value, dict) and name in value:
            yield from validator.descend(value[name], {"not": {}} if said is False else said, path=name, schema_path=name)


def _pattern(_validator: Any, pattern: str, value: object, _schema: object) -> Iterator[ValidationError]:
    """As the specification has it: `$` is the text's very end, where Python's also stands before a last line break."""
    if isinstance(value, str) and not re.search(pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern, value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


# By the specification 4.0 is an integer; to whoever reads the definition afterwards it is none.
_TYPES = Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_whole)
_KEYWORDS: Any = {"properties": _properties, "pattern": _pattern}
DefinitionValidator: Any = extend(Draft202012Validator, _KEYWORDS, type_checker=_TYPES)  # type: ignore[no-untyped-call]


@cache
def names() -> tuple[str, ...]:
    """The dialects that have a schema."""
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.json")))


@cache
def schema_text(dialect: str) -> str:
    """The schema of a dialect's definitions, as it is published. Raises KeyError for a dialect that has none."""
    if dialect not in names():
        raise KeyError(f"there is no schema for the dialect {dialect!r}: those there are: {', '.join(names())}")
    return (_FOLDER / f"{dialect}.json").read_text(encoding="utf-8")


def faults(dialect: str, document: object, part: str = "") -> list[Fault]:
    """What is wrong with a definition, in the order of its places, at most `FAULTS_MAX`; `part` picks a kind of document under `$defs`."""
    errors = sorted(islice(_validator(dialect, part).iter_errors(document), FAULTS_MAX), key=lambda error: _order(error.absolute_path))
    found: dict[Fault, None] = {}  # each once: of two missing members the library tells twice
    for fault in (fault for error in errors for fault in faults_of(error)):
        found[fault] = None
        if len(found) == FAULTS_MAX:
            break
    return list(found)


@cache
def _validator(dialect: str, part: str) -> Any:
    schema = parse(schema_text(dialect).encode())
    if part:
        if part not in schema.get("$defs", {}):
            raise KeyError(f"the schema of {dialect!r} has no {part!r} under $defs")
        schema = {name: schema[name] for name in ("$schema", "$id", "$defs") if name in schema} | {"$ref": f"#/$defs/{part}"}
    return DefinitionValidator(schema)


def _order(path: Any) -> list[str]:
    return [f"{part:09}" if isinstance(part, int) else part for part in path]
