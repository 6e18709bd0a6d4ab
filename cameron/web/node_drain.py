"""`POST /api/system/nodes/{node}/drain` and `.../resume`: a node stops running jobs, or takes them up again."""

import falcon

from cameron.web.answer import tell
from cameron.web.door import Engine
from cameron.web.paths import decode_segment


class NodeDrain:
    """202: any node may be asked to tell any other; `GET /api/system/nodes` shows how far that one has come."""

    def __init__(self, engine: Engine, resume: bool = False) -> None:
        self._engine = engine
        self._resume = resume

    def on_post(self, _request: falcon.Request, response: falcon.Response, node: str) -> None:
        tell(response, self._engine.drain(decode_segment(node), self._resume), falcon.HTTP_202)
