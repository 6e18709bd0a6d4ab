"""`GET /api/system/nodes`: the nodes that share this Redis, what each holds, and how old its lease is."""

import falcon

from cameron.web.answer import tell
from cameron.web.door import Engine


class Nodes:
    """All of them, the dead ones too for as long as they hold jobs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def on_get(self, _request: falcon.Request, response: falcon.Response) -> None:
        tell(response, self._engine.nodes())

    on_head = on_get
