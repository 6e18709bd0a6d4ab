"""`GET /api/process/{name}/jobs?status=error,done&key=&since=&until=&limit=100&cursor=`: the jobs of a process, newest first."""

from typing import Any

import falcon

from cameron.web.answer import tell
from cameron.web.door import Engine
from cameron.web.location import job_path
from cameron.web.paths import decode_segment
from cameron.web.query import job_query


class Jobs:
    """One page of them, each with its location; `next` is the cursor of the page that follows."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def on_get(self, request: falcon.Request, response: falcon.Response, name: str) -> None:
        tell(response, located(self._engine.jobs(decode_segment(name), job_query(request))))

    on_head = on_get


def located(page: dict[str, Any]) -> dict[str, Any]:
    """The page with a `location` for each of its jobs."""
    jobs = [{**job, "location": job_path(page["process"], job["key"], job["uuid"])} for job in page["jobs"]]
    return {**page, "jobs": jobs}
