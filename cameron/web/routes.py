"""The API's table of contents: which path is answered by what."""

from cameron.config import Config
from cameron.web.door import Engine
from cameron.web.job import Job
from cameron.web.name import Name
from cameron.web.start import ProcessStart
from cameron.web.status import Status
from cameron.web.system_tree import SystemTree


def routes(engine: Engine, config: Config) -> list[tuple[str, object]]:
    """(path template, resource) pairs; a `{field}` takes one raw, still percent-encoded segment."""
    return [
        ("/api", Name()),
        ("/status", Status(engine)),
        ("/api/system/tree", SystemTree(engine)),
        ("/api/process/{name}/start", ProcessStart(engine, config.web)),
        ("/api/process/{name}/key/{key}/job/{uuid}", Job(engine)),
    ]
