"""`GET {manner.job}/explain`: why is this job not moving, as data and as a sentence for a person."""

import falcon

from cameron.definitions.manner import Manner
from cameron.web.answer import tell
from cameron.web.door import Engine
from cameron.web.location import job_at
from cameron.web.wording import InWordsOf


class JobExplanation:
    """What the job waits for, as the engine can tell at this moment."""

    def __init__(self, engine: Engine, manner: Manner) -> None:
        self._engine, self._manner = engine, manner

    def on_get(self, _request: falcon.Request, response: falcon.Response, **fields: str) -> None:
        with InWordsOf(self._manner, response):
            tell(response, self._engine.explain(*job_at(self._manner, fields)))

    on_head = on_get
