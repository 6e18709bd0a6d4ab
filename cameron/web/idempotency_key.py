"""The header `Idempotency-Key` of a start: one job for all requests that bear the same one."""

import re
from typing import Any

from cameron.errors import InvalidRequest

_KEY = re.compile(r"[\x20-\x7e]{1,255}")


def idempotency_key(environ: dict[str, Any]) -> str:
    """What the client gave; "" where it gave none. Raises InvalidRequest."""
    key: str | None = environ.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return ""
    if not _KEY.fullmatch(key):
        raise InvalidRequest(
            "idempotency_key_invalid",
            "the header Idempotency-Key must be 1 to 255 printable ASCII characters: a UUID does well",
            "Idempotency-Key",
        )
    return key
