"""`GET /status`: is this node fit to take requests."""

import falcon

from cameron.web.answer import tell
from cameron.web.door import Engine


class Status:
    """200 with what the engine says of itself; 503 with Retry-After while the store is away or the node drains (see `web.errors`)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def on_get(self, _request: falcon.Request, response: falcon.Response) -> None:
        tell(response, self._engine.status())

    on_head = on_get
