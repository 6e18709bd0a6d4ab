"""Named values with declared types, as services and workflows say what they take and give.

{"name": "message", "type": "string", "description": "The text to transform"}
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from cameron.definitions.hint import Hints
from cameron.definitions.mask import NOTHING_HIDDEN, Mask

TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "object": (dict,),
    "list": (list,),
}
SHOWN_MAX = 40  # characters of a wrong value that an error repeats


class Field(NamedTuple):
    """A value that is declared."""

    name: str
    type: str  # one of TYPES

    @property
    def wanted(self) -> str:
        """The type, for a sentence: `a string`."""
        return _with_article(self.type)


def read_fields(said: Iterable[Mapping[str, Any]]) -> tuple[Field, ...]:
    """The fields of a checked document."""
    return tuple(Field(field["name"], field["type"]) for field in said)


def faults(fields: Iterable[Field], data: Mapping[str, Any], mask: Mask = NOTHING_HIDDEN) -> dict[str, str]:
    """What is wrong with the data, by the names of the fields, as the rest of a sentence that begins with the name; empty: nothing.

    Wrong values are told without what the mask hides.
    """
    hints = Hints()
    told = {field.name: _fault(field, data, hints, mask) for field in fields}
    return {name: text for name, text in told.items() if text}


def _fault(field: Field, data: Mapping[str, Any], hints: Hints, mask: Mask) -> str | None:
    if field.name not in data:
        return f"is missing; it must be {field.wanted}{hints.nearest(field.name, data)}"
    if not _fits(data[field.name], field.type):
        return f"must be {field.wanted}, not {_shown(data[field.name], mask)}"
    return None


def _fits(value: Any, type_name: str) -> bool:
    if isinstance(value, bool):  # which Python takes for an int
        return type_name == "bool"
    return isinstance(value, TYPES[type_name])


def _shown(value: Any, mask: Mask) -> str:
    """A value's type and, of a short one, the value: `an int (17)`."""
    if value is None:
        return "null"
    name = next(name for name in ("bool", *TYPES) if isinstance(value, TYPES[name]))
    if isinstance(value, dict | list):
        return _with_article(name)
    text = repr(mask(value)) if isinstance(value, str) else str(value).lower()
    return f"{_with_article(name)} ({text[:SHOWN_MAX]}{'…' if len(text) > SHOWN_MAX else ''})"


def _with_article(type_name: str) -> str:
    return f"{'an' if type_name[0] in 'aeio' else 'a'} {type_name}"
