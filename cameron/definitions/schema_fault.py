"""What a definition that does not fit its schema is told: where, and what to do about it, in words of ours.

One table from a keyword of JSON Schema to the text. What the schema says of a member (`title`, `description`) says what it is for.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from jsonschema import ValidationError

from cameron.core.strict_json import NotJson, compact
from cameron.definitions.files.json_path import json_path
from cameron.definitions.hint import LENGTH_MAX, closest

SHOWN_MAX: Final = 60  # characters of a value that a fault quotes


class Fault(NamedTuple):
    """One thing that is wrong with a document."""

    path: str  # such as `$.tasks[0].taskdef.uri`
    message: str  # goes on after the path

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"

    @property
    def field(self) -> str:
        """The member of the document that it lies in; "": the document as a whole."""
        found = re.match(r"""\$(?:\.(\w+)|\['(.*?)'\]|\["(.*?)"\])""", self.path)
        return next((name for name in found.groups() if name is not None), "") if found else ""

    @property
    def told(self) -> str:
        """The message; where it lies deeper than a member of the document, with its place."""
        place = self.path.removeprefix("$.")
        return self.message if place in ("$", self.field) else f"{place}: {self.message}"


def faults_of(error: ValidationError) -> Iterator[Fault]:
    """An error of the validator: mostly one fault, several where several members are missing or unknown."""
    keyword = str(error.validator)
    if keyword in ("anyOf", "oneOf"):
        yield from _of_forms(error)
    elif keyword in _MEMBERS:
        for member, message in _MEMBERS[keyword](error.validator_value, error.instance, error.schema):
            yield Fault(_path(error, member), message)
    elif "propertyNames" in error.absolute_schema_path:
        yield Fault(_path(error), f"the name {_message(error)}")
    else:
        yield Fault(_path(error), _message(error))


def _path(error: ValidationError, *member: str) -> str:
    return json_path([*error.absolute_path, *member])


def _message(error: ValidationError) -> str:
    if error.schema is False or error.schema == {"not": {}}:
        return "must not be given here"
    word = _WORDS.get(str(error.validator))
    return word(error.validator_value, error.instance, _purpose(error.schema)) if word else _other(error)


# Members that are missing or that nobody knows: a fault each, at the place of the member


def _missing(required: list[str], value: Any, schema: Any) -> Iterator[tuple[str, str]]:
    known = _properties(schema)
    for member in required:
        if member not in value:
            purpose = _purpose(known.get(member))
            yield member, f"is missing: {purpose}" if purpose else "is missing"


def _missing_beside(needs: Mapping[str, list[str]], value: Any, _schema: Any) -> Iterator[tuple[str, str]]:
    for member, others in needs.items():
        for other in others if member in value else ():
            if other not in value:
                yield other, f"is missing: {_shown(member)} needs it"


def _unknown(_said: Any, value: Any, schema: Any) -> Iterator[tuple[str, str]]:
    known, patterns = _properties(schema), schema.get("patternProperties", {})
    for member in value:
        if member not in known and not any(re.search(pattern, member) for pattern in patterns):
            yield member, f"{_shown(member)} is unknown{_nearest(member, known)}"


_MEMBERS: Final[Mapping[str, Callable[[Any, Any, Any], Iterator[tuple[str, str]]]]] = {
    "required": _missing,
    "dependentRequired": _missing_beside,
    "additionalProperties": _unknown,
}


# Values: the text for each keyword, from what the schema says, the value, and what it is for


def _pattern(pattern: str, value: Any, purpose: str) -> str:
    return f"{_shown(value)} will not do: {purpose}" if purpose else f"must match {pattern}, not be {_shown(value)}"


def _type(types: str | list[str], value: Any, _purpose: str) -> str:
    return f"must be {_either(_TYPES.get(name, name) for name in _listed(types))}, not {_shown(value)}"


def _enum(allowed: list[Any], value: Any, _purpose: str) -> str:
    near = _nearest(value, [word for word in allowed if isinstance(word, str)], others=False) if isinstance(value, str) else ""
    return f"must be {_either(map(_shown, allowed))}, not {_shown(value)}{near}"


def _too_short(least: int, value: str, purpose: str) -> str:
    must = "must not be empty" if not value else f"must have at least {least} characters, not {len(value)}"
    return f"{must}: {purpose}" if purpose else must


_TYPES: Final = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}
_WORDS: Final[Mapping[str, Callable[[Any, Any, str], str]]] = {
    "type": _type,
    "enum": _enum,
    "const": lambda only, value, _: f"must be {_shown(only)}, not {_shown(value)}",
    "pattern": _pattern,
    "minLength": _too_short,
    "maxLength": lambda most, value, _: f"must have at most {most} characters, not {len(value)}",
    "minimum": lambda least, value, _: f"must be at least {_shown(least)}, not {_shown(value)}",
    "maximum": lambda most, value, _: f"must be at most {_shown(most)}, not {_shown(value)}",
    "exclusiveMinimum": lambda bound, value, _: f"must be more than {_shown(bound)}, not {_shown(value)}",
    "exclusiveMaximum": lambda bound, value, _: f"must be less than {_shown(bound)}, not {_shown(value)}",
    "multipleOf": lambda step, value, _: f"must be a multiple of {_shown(step)}, not {_shown(value)}",
    "minItems": lambda least, items, _: "must not be empty" if not items else f"must have at least {least} entries, not {len(items)}",
    "maxItems": lambda most, items, _: f"must have at most {most} entries, not {len(items)}",
    "uniqueItems": lambda _said, items, _: f"has {_shown(_twice(items))} twice: remove one",
    "minProperties": lambda least, value, _: "must not be empty" if not value else f"must have at least {least} members, not {len(value)}",
    "maxProperties": lambda most, value, _: f"must have at most {most} members, not {len(value)}",
}


def _other(error: ValidationError) -> str:
    purpose = _purpose(error.schema)
    return f"{_shown(error.instance)} will not do{': ' if purpose else ''}{purpose} ({error.validator})"


# Several forms are allowed: what is told is of the form that was most likely meant


def _of_forms(error: ValidationError) -> Iterator[Fault]:
    forms: dict[Any, list[ValidationError]] = {}
    purpose = _purpose(error.schema)
    for inner in error.context or ():
        forms.setdefault(inner.relative_schema_path[0], []).append(inner)
    if not forms:
        yield Fault(_path(error), f"fits several of the forms that are allowed here, of which it must be one: {purpose}")
    elif types := _all_of("type", forms.values()):
        yield Fault(_path(error), _type(types, error.instance, ""))
    elif purpose and all(not inner.relative_path for inner in error.context or ()):
        yield Fault(_path(error), f"{_shown(error.instance)} will not do: {purpose}")
    elif words := _all_of("const", forms.values()) or _all_of("enum", forms.values()):
        chosen = next(inner for inner in next(iter(forms.values())) if inner.validator in ("const", "enum"))
        yield Fault(_path(chosen), _enum(words, chosen.instance, ""))
    else:
        for inner in min(forms.values(), key=_distance):
            yield from faults_of(inner)


def _all_of(keyword: str, forms: Iterable[list[ValidationError]]) -> list[Any]:
    """All that the forms allow of one and the same value, where each of them refuses it by that keyword; else empty."""
    found = [next((inner for inner in form if inner.validator == keyword), None) for form in forms]
    refused = [inner for inner in found if inner is not None]
    own = all(inner.validator != "type" or len(inner.relative_path) == 0 for inner in refused)
    if len(refused) < len(found) or not own or len({_path(inner) for inner in refused}) > 1:
        return []
    return list(dict.fromkeys(word for inner in refused for word in _listed(inner.validator_value)))


def _distance(form: list[ValidationError]) -> tuple[int, int, int]:
    """How far a form is from what was written: of another type altogether, marked as another form, so many faults."""
    others = sum(inner.validator == "type" and not inner.relative_path for inner in form)
    marks = sum(inner.validator in ("const", "enum") for inner in form)
    return others, marks, len(form)


# Parts of a text


def _properties(schema: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = schema.get("properties", {}) if isinstance(schema, dict) else {}
    return found


def _purpose(schema: Any) -> str:
    """What the schema says that a value is for, as it reads in the middle of a sentence."""
    said = str(schema.get("description") or schema.get("title") or "").rstrip(".") if isinstance(schema, dict) else ""
    return said if said[1:2].isupper() else said[:1].lower() + said[1:]


def _nearest(word: str, known: Iterable[str], *, others: bool = True) -> str:
    names = {name.lower(): name for name in known}
    near = closest(word.lower(), names) if len(word) <= LENGTH_MAX else None
    if near is not None:
        return f"; did you mean {_shown(names[near])}?"
    return f"; known here: {', '.join(names.values())}" if others and names else ""


def _twice(items: list[Any]) -> Any:
    texts = [repr(item) for item in items]
    seen: set[str] = set()
    return next((item for item, text in zip(items, texts, strict=True) if text in seen or seen.add(text)), None)  # type: ignore[func-returns-value]


def _listed(said: Any) -> list[Any]:
    return said if isinstance(said, list) else [said]


def _either(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def _shown(value: Any) -> str:
    """A value as a fault tells it: strings in single quotes, what is true, false or null as JSON has it."""
    match value:
        case str():
            return repr(value if len(value) <= SHOWN_MAX else value[:SHOWN_MAX] + "…")
        case dict():
            return "an object"
        case list():
            return "a list" if value else "an empty list"
        case bool() | None:
            return compact(value)
    try:
        return compact(value)[:SHOWN_MAX]
    except (NotJson, TypeError):
        return repr(value)[:SHOWN_MAX]
