"""`GET` and `DELETE` of one registered definition, by its id."""

import falcon

from cameron.web.answer import tell
from cameron.web.door import Engine
from cameron.web.paths import decode_segment
from cameron.web.wording import InPlainWords


class Definition:
    """What was registered, with its id; deleted with a 204, after which its jobs go on with what they started with."""

    def __init__(self, engine: Engine, dialect: str, kind: str) -> None:
        self._engine, self._dialect, self._kind = engine, dialect, kind

    def on_get(self, _request: falcon.Request, response: falcon.Response, id: str) -> None:
        with InPlainWords(response):
            tell(response, self._engine.registered_one(self._dialect, self._kind, decode_segment(id)))

    def on_delete(self, _request: falcon.Request, response: falcon.Response, id: str) -> None:
        with InPlainWords(response):
            self._engine.unregister(self._dialect, self._kind, decode_segment(id))
            response.status = falcon.HTTP_204

    on_head = on_get
