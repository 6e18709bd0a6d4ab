"""A JSON array taken apart, each element as the text that it is."""

import json
import re
from collections.abc import Iterator

from cameron.core.strict_json import refusal

_space = re.compile(r"[ \t\n\r]*").match
# It finds where an element ends, and judges no numbers: whoever reads the element is as strict as with one that came alone.
_decode = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str).raw_decode


def elements(raw: bytes) -> Iterator[bytes]:
    """The elements of an array in UTF-8, one after the other, as they stand there; raises NotJson where it comes to what is no JSON."""
    try:
        yield from _elements(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise refusal(error) from None


def _elements(text: str) -> Iterator[bytes]:
    at = _after(text, "[", _after_space(text, 0))
    if not text.startswith("]", at):
        while True:
            _, end = _decode(text, at)
            yield text[at:end].encode()
            at = _after_space(text, end)
            if not text.startswith(",", at):
                break
            at = _after_space(text, at + 1)
    at = _after(text, "]", at)
    if at < len(text):
        raise json.JSONDecodeError("something after the end", text, at)


def _after(text: str, mark: str, at: int) -> int:
    """Where what comes next begins, behind the mark that has to be there."""
    if not text.startswith(mark, at):
        raise json.JSONDecodeError(f"no {mark}", text, at)
    return _after_space(text, at + 1)


def _after_space(text: str, at: int) -> int:
    found = _space(text, at)
    return found.end() if found else at
