"""`POST .../job/{uuid}/task/{task}/callback/{token}`: the reply that a task waits for, from whoever was told this URL."""

import falcon

from cameron.web.answer import tell
from cameron.web.body import CALLBACK_LIMIT, read_body
from cameron.web.door import Engine
from cameron.web.paths import decode_segment, decode_segments


class JobCallback:
    """200 once the reply is safely stored, for the first that comes in time; it may be as large as any other reply of a service."""

    def __init__(self, engine: Engine, max_reply_bytes: int) -> None:
        self._engine, self._max_reply_bytes = engine, max_reply_bytes

    def on_post(self, request: falcon.Request, response: falcon.Response, name: str, key: str, uuid: str, task: str, token: str) -> None:
        body = read_body(request.env, self._max_reply_bytes, CALLBACK_LIMIT)
        process, key, uuid = decode_segments(name, key, uuid)
        task = decode_segment(task)
        self._engine.callback(process, key, uuid, task, decode_segment(token), body)
        tell(response, {"process": process, "uuid": uuid, "task": task, "status": "accepted"})
