"""Reading a request's body without taking in more than was agreed."""

from typing import Any

from cameron.errors import InvalidRequest

LIMIT = "max_body_bytes under [web]"
CALLBACK_LIMIT = "max_reply_bytes under [http]"
LONGEST_LENGTH = 18  # digits of a Content-Length that is worth reading as a number


class BodyTooLarge(InvalidRequest):
    """The body is over the limit; what is left of it was not read."""

    def __init__(self, limit: int, setting: str = LIMIT) -> None:
        super().__init__(
            "body_too_large", f"the body is larger than {limit} bytes: send less, or raise {setting} in the server's configuration"
        )
        self.limit = limit


def read_body(environ: dict[str, Any], limit: int, setting: str = LIMIT) -> bytes:
    """The whole body, at most `limit` bytes, as `setting` says.

    Raises BodyTooLarge (unread where Content-Length tells) or InvalidRequest.
    """
    declared = environ.get("CONTENT_LENGTH")
    if not declared:
        return _read_to_end(environ, limit, setting) if _ends_by_itself(environ) else b""
    if not (declared.isascii() and declared.isdigit()):
        raise InvalidRequest("invalid_content_length", "the Content-Length header is not a number: send the body's size in bytes")
    if len(declared) > LONGEST_LENGTH or int(declared) > limit:
        raise BodyTooLarge(limit, setting)
    length = int(declared)
    body: bytes = environ["wsgi.input"].read(length)
    if len(body) < length:
        raise InvalidRequest("incomplete_body", f"the body ended after {len(body)} of {length} bytes: send it again")
    return body


def _ends_by_itself(environ: dict[str, Any]) -> bool:
    """Whether the input may be read to its end without a length: else a read would wait for ever (PEP 3333)."""
    return bool(environ.get("wsgi.input_terminated")) or "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()


def _read_to_end(environ: dict[str, Any], limit: int, setting: str) -> bytes:
    stream, parts, room = environ["wsgi.input"], [], limit + 1
    while room and (part := stream.read(room)):
        parts.append(part)
        room -= len(part)
    if not room:
        raise BodyTooLarge(limit, setting)
    return b"".join(parts)
