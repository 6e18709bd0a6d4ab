"""`GET /api/process/{name}/dead?limit=100&cursor=`: the jobs that were given up, as whoever ran them crashed again and again."""

import falcon

from cameron.web.answer import tell
from cameron.web.door import Engine
from cameron.web.jobs import located
from cameron.web.paths import decode_segment
from cameron.web.query import PAGED, only_known, page


class DeadLetter:
    """One page of them, newest first; a POST to a job's `{location}/retry` takes it out."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def on_get(self, request: falcon.Request, response: falcon.Response, name: str) -> None:
        only_known(request, PAGED)
        tell(response, located(self._engine.dead(decode_segment(name), *page(request))))

    on_head = on_get
