"""`GET /health`: how the node and its Redis are, and what a crash of Redis could lose."""

import falcon

from cameron.web.answer import tell
from cameron.web.door import Engine


class Health:
    """200 where the node is fit to take requests, else 503; both say all there is to say."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def on_get(self, _request: falcon.Request, response: falcon.Response) -> None:
        fit, document = self._engine.health()
        tell(response, document, falcon.HTTP_200 if fit else falcon.HTTP_503)

    on_head = on_get
