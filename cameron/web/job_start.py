"""`POST {manner.start}?wait=SECONDS`: a new job of a process; of the main dialect at `/api/process/{name}/start`, there also many."""

import falcon

from cameron.config import WebConfig
from cameron.definitions.manner import Manner, Started
from cameron.web.batch_start import BatchStart, is_batch
from cameron.web.body import read_body
from cameron.web.door import Accepted, Engine
from cameron.web.idempotency_key import idempotency_key
from cameron.web.location import location
from cameron.web.paths import decode_fields
from cameron.web.query import wait_s
from cameron.web.waiting_room import WaitingRoom
from cameron.web.wording import InWordsOf, say


class JobStart:
    """The job's Location once the engine has it safely stored, or that of the job that is there already; in the words of the dialect.

    Who says for how long to `wait` gets what came of the job, too, if it has ended by then. An array is a batch where processes of any
    dialect are started: no dialect takes one for a request, and those with a route of their own have their own words for its answers.
    """

    def __init__(self, engine: Engine, web: WebConfig, manner: Manner, room: WaitingRoom) -> None:
        self._engine, self._web, self._manner, self._room = engine, web, manner, room
        self._batch = None if manner.dialect else BatchStart(engine, web, manner)

    def on_post(self, request: falcon.Request, response: falcon.Response, **fields: str) -> None:
        environ, manner = request.env, self._manner
        with InWordsOf(manner, response, b"") as words:
            words.body = body = read_body(environ, self._web.max_body_bytes)
            for_s = wait_s(request, self._web.max_wait_s)
            process, token = manner.process_of(decode_fields(fields)), idempotency_key(environ)
            if self._batch and is_batch(body):
                self._batch.answer(environ, response, process, body, token, for_s)
                return
            job = self._engine.start(process, body, token, manner.dialect)
            url, path = location(environ, self._web, manner, manner.fields_of(job.process, job.alias, job.key, job.uuid))
            ended = self._ended(job, for_s) if for_s else None
            started = Started(job.process, job.key, job.uuid, job.payload, job.existing, url, path, job.accepted_ms, ended, job.status)
            say(response, manner.started(started))
            response.set_header("Location", path if manner.located_by_path else url)

    def _ended(self, job: Accepted, for_s: float) -> bytes | None:
        return self._room.watch(lambda: self._engine.ended(job.process, job.key, job.uuid), for_s)
