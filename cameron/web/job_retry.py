"""`POST {manner.job}/retry`: a job that has ended runs again, from its failed tasks."""

import falcon

from cameron.config import WebConfig
from cameron.definitions.manner import Manner
from cameron.web.answer import tell
from cameron.web.door import Engine
from cameron.web.location import job_at, location
from cameron.web.paths import decode_fields
from cameron.web.wording import InWordsOf


class JobRetry:
    """202 with the tasks that will run again; what was done is kept. A job in the dead letter is taken out of it."""

    def __init__(self, engine: Engine, web: WebConfig, manner: Manner) -> None:
        self._engine, self._web, self._manner = engine, web, manner

    def on_post(self, request: falcon.Request, response: falcon.Response, **fields: str) -> None:
        with InWordsOf(self._manner, response):
            process, key, uuid = job_at(self._manner, fields)
            tasks = self._engine.retry(process, key, uuid)
            url, path = location(request.env, self._web, self._manner, decode_fields(fields))
            response.set_header("Location", path if self._manner.located_by_path else url)
            tell(response, {"process": self._engine.name_of(process), "uuid": uuid, "status": "scheduled", "tasks": tasks}, falcon.HTTP_202)
