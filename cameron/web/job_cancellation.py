"""`POST {manner.job}/cancel`: a job is to end, whatever it has come to."""

import falcon

from cameron.definitions.manner import Manner
from cameron.web.answer import tell
from cameron.web.door import Engine
from cameron.web.location import job_at
from cameron.web.wording import InWordsOf


class JobCancellation:
    """200 where the job is cancelled, 202 where the node that runs it was told to; a job that has ended otherwise is a 409."""

    def __init__(self, engine: Engine, manner: Manner) -> None:
        self._engine, self._manner = engine, manner

    def on_post(self, _request: falcon.Request, response: falcon.Response, **fields: str) -> None:
        with InWordsOf(self._manner, response):
            process, key, uuid = job_at(self._manner, fields)
            status = self._engine.cancel(process, key, uuid).status
            document = {"process": self._engine.name_of(process), "uuid": uuid, "status": status}
            tell(response, document, falcon.HTTP_200 if status == "cancelled" else falcon.HTTP_202)
