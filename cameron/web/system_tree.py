"""`GET /api/system/tree?limit=100`: the actors of this node, as they are now."""

import falcon

from cameron.web.answer import tell
from cameron.web.door import Engine
from cameron.web.query import limit, only_known

MOST_SHOWN = 10_000  # runners


class SystemTree:
    """The tree as the engine gives it; `limit` bounds how many of the runners are in it, the rest is counted."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        only_known(request, ("limit",))
        tell(response, self._engine.tree(limit(request, 0, MOST_SHOWN)))

    on_head = on_get
