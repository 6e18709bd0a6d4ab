"""`POST {location}/cancel`: a job is to end, whatever it has come to."""

import falcon

from cameron.web.answer import tell
from cameron.web.door import Engine
from cameron.web.paths import decode_segments


class JobCancellation:
    """200 where the job is cancelled, 202 where the node that runs it was told to; a job that has ended otherwise is a 409."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def on_post(self, _request: falcon.Request, response: falcon.Response, name: str, key: str, uuid: str) -> None:
        process, key, uuid = decode_segments(name, key, uuid)
        status = self._engine.cancel(process, key, uuid).status
        document = {"process": process, "uuid": uuid, "status": status}
        tell(response, document, falcon.HTTP_200 if status == "cancelled" else falcon.HTTP_202)
