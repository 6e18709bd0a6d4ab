"""`GET {manner.job}`: everything that has happened in a job; of the main dialect at `/api/process/{name}/key/{key}/job/{uuid}`."""

import falcon

from cameron.definitions.manner import Manner
from cameron.web.door import Engine
from cameron.web.location import job_at
from cameron.web.wording import InWordsOf


class Job:
    """The job as its dialect words it; an unknown one is a 404."""

    def __init__(self, engine: Engine, manner: Manner) -> None:
        self._engine, self._manner = engine, manner

    def on_get(self, _request: falcon.Request, response: falcon.Response, **fields: str) -> None:
        with InWordsOf(self._manner, response):
            response.data = self._engine.get(*job_at(self._manner, fields))

    on_head = on_get
