"""`POST /api/process/{name}/start`: a new job of a process."""

import json

import falcon

from cameron.config import WebConfig
from cameron.errors import ProcessNotFound
from cameron.web.body import read_body
from cameron.web.door import Engine
from cameron.web.idempotency_key import idempotency_key
from cameron.web.location import job_url
from cameron.web.paths import decode_segment


class ProcessStart:
    """201 with the job's Location once the engine has it safely stored, 200 with that of the job that is there already.

    All answers echo the body as `payload`.
    """

    def __init__(self, engine: Engine, web: WebConfig) -> None:
        self._engine = engine
        self._web = web

    def on_post(self, request: falcon.Request, response: falcon.Response, name: str) -> None:
        environ = request.env
        body = read_body(environ, self._web.max_body_bytes)
        try:
            accepted = self._engine.start(decode_segment(name), body, idempotency_key(environ))
        except ProcessNotFound:
            response.status = falcon.HTTP_404
            response.data = payload_json(body.decode(errors="replace"))
            return
        response.status = falcon.HTTP_200 if accepted.existing else falcon.HTTP_201
        response.set_header("Location", job_url(environ, self._web, accepted.process, accepted.key, accepted.uuid))
        response.data = payload_json(accepted.payload)


def payload_json(payload: str) -> bytes:
    """The documented answer to a start: the raw body as one JSON string."""
    return b'{"payload": ' + json.dumps(payload, ensure_ascii=False).encode(errors="replace") + b"}"
