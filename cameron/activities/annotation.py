"""What a function's annotations say of JSON: values are checked against them, and made what they say."""

import inspect
from types import SimpleNamespace
from typing import Any, NamedTuple, get_type_hints

from cameron.core import strict_json

NOTHING_SAID: Any = Any  # any JSON will do


class WrongValue(ValueError):
    """The value is not what an annotation says, or no JSON; the message says where in it, and why."""


class Annotations(NamedTuple):
    """Of an activity's function; NOTHING_SAID where it has none."""

    data: Any
    returned: Any


def annotations_of(function: Any) -> Annotations:
    """What it says of its first parameter and of what it returns. Raises NameError for what is not defined (yet)."""
    plain = inspect.unwrap(function)
    names = (next(iter(inspect.signature(plain).parameters)), "return")
    said = SimpleNamespace(__annotations__={name: one for name, one in plain.__annotations__.items() if name in names})
    hints = get_type_hints(said, globalns=plain.__globals__, include_extras=True)  # of these alone: others may name what is not imported
    return Annotations(*(NOTHING_SAID if one is object else one for one in (hints.get(name, Any) for name in names)))


def refused(annotation: Any) -> str:
    """Why JSON cannot be made an annotation's value, for a person; "" where it can."""
    from msgspec import inspect as found_by_msgspec  # it takes its time to import, and not every activity has annotations

    try:
        strange = _strange(found_by_msgspec.type_info(annotation), found_by_msgspec.CustomType, set())
    except Exception as error:  # whatever it meets there
        return f"{error}: write another one, or none"
    if not strange:
        return ""
    return f"JSON has no {strange}: write a dataclass, TypedDict, NamedTuple, or what they may hold (str, int, list, dict, ...), or none"


def made(value: Any, annotation: Any) -> Any:
    """What the annotation says, made from a value as JSON has it. Raises WrongValue."""
    if annotation is NOTHING_SAID:
        return value
    import msgspec

    try:
        return msgspec.convert(value, annotation, str_keys=True)
    except msgspec.ValidationError as error:
        raise WrongValue(str(error)) from None


def as_json(value: Any, annotation: Any) -> bytes:
    """Compact JSON of what a function has returned, which may be a dataclass and the like. Raises WrongValue."""
    try:
        return _as_json(value, annotation)
    except (WrongValue, strict_json.NotJson, TypeError, ValueError, RecursionError) as error:
        raise WrongValue(str(error)) from None


def _as_json(value: Any, annotation: Any) -> bytes:
    text = _plain_json(value) if annotation is NOTHING_SAID else None
    if text is None:
        import msgspec

        plain = msgspec.to_builtins(value, str_keys=True)
        made(plain, annotation)
        text = strict_json.compact(plain)
    body = text.encode()
    if body.count(b"[") + body.count(b"{") > strict_json.DEPTH_MAX:
        strict_json.parse(body)  # what is kept must be taken again, and there nesting is bounded
    return body


def _plain_json(value: Any) -> str | None:
    """Its JSON; None where something in it has to be converted first, such as a dataclass."""
    try:
        return strict_json.compact(value)
    except TypeError:
        return None


def _strange(said: Any, custom: type, seen: set[int]) -> str:
    """The name of a class within a type that JSON knows nothing of; "" where there is none."""
    if id(said) in seen:
        return ""
    seen.add(id(said))
    if isinstance(said, custom):
        cls = said.cls  # type: ignore[attr-defined]
        return "" if cls is object else str(cls.__name__)
    if isinstance(said, tuple | list):
        within = list(said)
    elif type(said).__module__ == custom.__module__:
        within = [getattr(said, name) for name in type(said).__struct_fields__ if name not in ("default", "cls", "values")]
    else:
        return ""
    return next((found for one in within if (found := _strange(one, custom, seen))), "")
