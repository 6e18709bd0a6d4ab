"""`GET /api/process/{name}/key/{key}/job/{uuid}`: everything that has happened in a job."""

import falcon

from cameron.web.door import Engine
from cameron.web.paths import decode_segments


class Job:
    """The job as the engine words it; an unknown one is a 404 (see `web.errors`)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def on_get(self, _request: falcon.Request, response: falcon.Response, name: str, key: str, uuid: str) -> None:
        response.data = self._engine.get(*decode_segments(name, key, uuid))

    on_head = on_get
