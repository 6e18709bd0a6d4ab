"""JSON as Cameron takes it in and writes it out: strict where Python's own is lenient, compact, UTF-8.

NaN and the infinities, lone surrogates, nesting that would exhaust the stack and integers of thousands of digits are refused here,
once, so that nothing of the kind reaches Redis, an activity or a client.
"""

import json
from typing import Any, NoReturn


class NotJson(ValueError):
    """The text is no JSON that we take; the message says why in a few words."""


def _no_constant(word: str) -> NoReturn:
    raise NotJson(f"{word} is not JSON")


_decoder = json.JSONDecoder(parse_constant=_no_constant)
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")).encode


def parse(raw: bytes) -> Any:
    """The value of a JSON text in UTF-8, a byte order mark not included. Raises NotJson."""
    try:
        return _decoder.decode(raw.decode("utf-8"))
    except NotJson:
        raise
    except UnicodeDecodeError as error:
        raise NotJson(f"not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise NotJson("nested too deeply") from None
    except json.JSONDecodeError as error:
        raise NotJson(f"{error.msg} at line {error.lineno} column {error.colno}") from None
    except ValueError:  # Python's own limit on the digits of an integer
        raise NotJson("an integer with too many digits") from None


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
