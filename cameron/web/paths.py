"""Paths as the client wrote them.

A WSGI server decodes the path before an application sees it, so that a `%2F` in a key would look like a slash. Here the
path is taken from the raw request target, routed while still encoded, and each segment is decoded exactly once.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from cameron.errors import InvalidRequest

SEGMENT_SAFE = "(),:@!$&'*;=~-._+"  # RFC 3986's pchar: what may stand in a segment as it is
_is_safe = re.compile(rf"[A-Za-z0-9{re.escape(SEGMENT_SAFE)}]*").fullmatch
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# All that follows, however it is misspelt; but a process, a workflow or a key may be called `callback`.
_TOKEN = re.compile(r"(?<!/process)(?<!/workflow)(?<!/key)(?<!/e)/callback(?:/|%2[Ff])+[^/].*", re.DOTALL)
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)(.*)", re.DOTALL)


class MalformedPath(InvalidRequest):
    """A segment is not percent-encoded UTF-8."""

    def __init__(self, segment: str) -> None:
        super().__init__("malformed_path", f"{segment[:200]!r} is not percent-encoded UTF-8: encode each part of the path once")


def use_raw_path(environ: dict[str, Any]) -> None:
    """Set PATH_INFO to the path still encoded, from waitress's REQUEST_URI or gunicorn's RAW_URI, else by encoding it again.

    A target in absolute form (`GET http://host/path`) also names the host, which then outranks the Host header (RFC 9112).
    """
    target: str = environ.get("REQUEST_URI") or environ.get("RAW_URI") or ""
    if not target:
        environ["PATH_INFO"] = quote(environ.get("PATH_INFO", "").encode("latin-1"), safe="/" + SEGMENT_SAFE)
        return
    if target[0] != "/" and (absolute := _ABSOLUTE.fullmatch(target)):
        environ["HTTP_HOST"], target = absolute[1], absolute[2]
    path = target.partition("?")[0]
    if "#" in path:
        path = path.partition("#")[0]
    mount = environ.get("SCRIPT_NAME")
    if mount and (path == mount or path.startswith(mount + "/")):
        path = path[len(mount) :]
    if not path.isascii():
        path = quote(path.encode("latin-1"), safe=_PRINTABLE)
    environ["PATH_INFO"] = path


def decode_segment(raw: str) -> str:
    """The text of one raw path segment. Raises MalformedPath."""
    if "%" not in raw:
        return raw
    if _BAD_ESCAPE.search(raw):
        raise MalformedPath(raw)
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise MalformedPath(raw) from None


def decode_segments(name: str, key: str, uuid: str) -> tuple[str, str, str]:
    """The texts of the three raw segments that name a job. Raises MalformedPath."""
    return decode_segment(name), decode_segment(key), decode_segment(uuid)


def decode_fields(fields: Mapping[str, str]) -> dict[str, str]:
    """The texts of a path's raw segments by the names of their fields. Raises MalformedPath."""
    return {name: decode_segment(raw) if "%" in raw else raw for name, raw in fields.items()}


def without_token(path: str) -> str:
    """The path as it may be logged: who can read a log is not to use a callback URL that he finds there."""
    return _TOKEN.sub("/callback/...", path, 1) if "/callback" in path else path


def encode_segment(text: str) -> str:
    """Text as one path segment; the inverse of `decode_segment`."""
    return text if _is_safe(text) else quote(text, safe=SEGMENT_SAFE)
