"""`POST {location}/retry`: a job that has ended runs again, from its failed tasks."""

import falcon

from cameron.config import WebConfig
from cameron.web.answer import tell
from cameron.web.door import Engine
from cameron.web.location import job_url
from cameron.web.paths import decode_segments


class JobRetry:
    """202 with the tasks that will run again; what was done is kept. A job in the dead letter is taken out of it."""

    def __init__(self, engine: Engine, web: WebConfig) -> None:
        self._engine = engine
        self._web = web

    def on_post(self, request: falcon.Request, response: falcon.Response, name: str, key: str, uuid: str) -> None:
        process, key, uuid = decode_segments(name, key, uuid)
        tasks = self._engine.retry(process, key, uuid)
        response.set_header("Location", job_url(request.env, self._web, process, key, uuid))
        tell(response, {"process": process, "uuid": uuid, "status": "scheduled", "tasks": tasks}, falcon.HTTP_202)
