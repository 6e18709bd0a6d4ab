"""`GET /api/system/tree?limit=100`: the actors of this node, as they are now."""

import json

import falcon

from cameron.errors import InvalidRequest
from cameron.web.door import Engine

SHOWN = 100  # runners
MOST_SHOWN = 10_000


class SystemTree:
    """The tree as the engine gives it; `limit` bounds how many of the runners are in it, the rest is counted."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        limit = _limit(request.get_param("limit", default=str(SHOWN)))
        response.data = json.dumps(self._engine.tree(limit), ensure_ascii=False).encode(errors="replace")
        response.set_header("Cache-Control", "no-store")

    on_head = on_get


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MOST_SHOWN)) and int(text) <= MOST_SHOWN):
        raise InvalidRequest("limit_invalid", f"limit must be a whole number from 0 to {MOST_SHOWN}: so many runners are shown", "limit")
    return int(text)
