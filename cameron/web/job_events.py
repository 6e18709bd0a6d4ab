"""`GET {manner.job}/events?after=&limit=1000`: what has happened in a job and what was decided, in order."""

import falcon

from cameron.definitions.manner import Manner
from cameron.web.answer import tell
from cameron.web.door import Engine
from cameron.web.location import job_at
from cameron.web.query import events_asked
from cameron.web.wording import InWordsOf


class JobEvents:
    """One page of them, oldest first; `next` is the `after` of the page that follows."""

    def __init__(self, engine: Engine, manner: Manner) -> None:
        self._engine, self._manner = engine, manner

    def on_get(self, request: falcon.Request, response: falcon.Response, **fields: str) -> None:
        with InWordsOf(self._manner, response):
            tell(response, self._engine.events(*job_at(self._manner, fields), *events_asked(request)))

    on_head = on_get
