"""JSON as Cameron takes it in and writes it out: strict where Python's own is lenient, compact, UTF-8.

NaN and the infinities, lone surrogates, nesting that would exhaust the stack and integers of thousands of digits are refused here,
once, so that nothing of the kind reaches Redis, an activity or a client.
"""

import json
from typing import Any, NoReturn

DEPTH_MAX = 200  # the parser's own limit hangs on how deep the caller stands on the stack: what is taken once must be taken again


class NotJson(ValueError):
    """The text is no JSON that we take; the message says why in a few words."""


def _is_deeper(value: Any, depth: int) -> bool:
    """Whether arrays and objects are nested more than `depth` deep in the value."""
    nested = (dict, list)
    level = [value] if isinstance(value, nested) else []
    for _ in range(depth):
        within = (outer.values() if isinstance(outer, dict) else outer for outer in level)
        level = [inner for inners in within for inner in inners if isinstance(inner, nested)]
    return bool(level)


def _no_constant(word: str) -> NoReturn:
    raise NotJson(f"{word} is not JSON")


_decoder = json.JSONDecoder(parse_constant=_no_constant)
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")).encode


def parse(raw: bytes) -> Any:
    """The value of a JSON text in UTF-8, a byte order mark not included. Raises NotJson."""
    try:
        value = _decoder.decode(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise refusal(error) from None
    if raw.count(b"[") + raw.count(b"{") > DEPTH_MAX and _is_deeper(value, DEPTH_MAX):
        raise NotJson("nested too deeply")
    return value


def refusal(error: ValueError | RecursionError) -> NotJson:
    """What to say of a text that could not be parsed."""
    match error:
        case NotJson():
            return error
        case UnicodeDecodeError():
            return NotJson(f"not UTF-8 at byte {error.start}")
        case RecursionError():
            return NotJson("nested too deeply")
        case json.JSONDecodeError():
            return NotJson(f"it is no JSON (line {error.lineno}, column {error.colno})")
    return NotJson("an integer with too many digits")  # Python's own limit


def compact(value: Any) -> str:
    """The value as compact JSON text that encodes to UTF-8. Raises NotJson."""
    try:
        text = _encode(value)
    except RecursionError:
        raise NotJson("nested too deeply") from None
    except ValueError:
        raise NotJson("a number too large for JSON") from None
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise NotJson("a lone surrogate, which is no character") from None
    return text
