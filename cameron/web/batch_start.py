"""Many jobs of a process by one request: a JSON array of the bodies of starts, and what became of each of them."""

import json
from typing import Any

import falcon

from cameron.config import WebConfig
from cameron.definitions.manner import Manner
from cameron.errors import CameronError, InvalidRequest
from cameron.web.door import Accepted, Engine
from cameron.web.errors import error_of, status_of
from cameron.web.location import location

SPACE = b" \t\n\r"  # what may stand before a JSON value


def is_batch(body: bytes) -> bool:
    """Whether the body is an array, as far as its beginning tells."""
    return body.lstrip(SPACE).startswith(b"[")


class BatchStart:
    """`{"jobs": [...]}` in the order of the bodies: of each its `status` and `location`, `uuid` and `key`, or its `status` and `error`.

    Status and error are those of a start that came alone. The answer itself is a 200 as soon as the batch could be read and Redis answered.
    """

    def __init__(self, engine: Engine, web: WebConfig, manner: Manner) -> None:
        self._engine, self._web, self._manner = engine, web, manner

    def answer(
        self, environ: dict[str, Any], response: falcon.Response, process: str, batch: bytes, idempotency_key: str, wait_s: float
    ) -> None:
        """Start them, and tell. Raises as `Engine.start_all` does."""
        if wait_s:
            raise InvalidRequest("wait_invalid", "a batch cannot wait for its jobs: leave wait out, and look at their locations", "wait")
        started = self._engine.start_all(process, batch, idempotency_key, self._manner.dialect)
        jobs = [_refused(one) if isinstance(one, CameronError) else self._started(environ, one) for one in started]
        response.data = json.dumps({"jobs": jobs}, ensure_ascii=False).encode(errors="replace")

    def _started(self, environ: dict[str, Any], job: Accepted) -> dict[str, Any]:
        manner = self._manner
        url, path = location(environ, self._web, manner, manner.fields_of(job.process, job.alias, job.key, job.uuid))
        at = path if manner.located_by_path else url
        return {"status": 200 if job.existing else 201, "location": at, "uuid": job.uuid, "key": job.key}


def _refused(error: CameronError) -> dict[str, Any]:
    return {"status": int(status_of(error)[:3]), "error": error_of(error)}
