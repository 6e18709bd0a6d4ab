"""`GET /status`: is this node fit to take requests."""

import json

import falcon

from cameron.web.door import Engine


class Status:
    """200 with what the engine says of itself; 503 with Retry-After while the store is away (see `web.errors`)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def on_get(self, _request: falcon.Request, response: falcon.Response) -> None:
        response.data = json.dumps(self._engine.status(), ensure_ascii=False).encode()
        response.set_header("Cache-Control", "no-store")

    on_head = on_get
