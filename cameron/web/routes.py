"""The API's table of contents: which path is answered by what."""

from cameron.config import Config
from cameron.web.dead_letter import DeadLetter
from cameron.web.door import Engine
from cameron.web.health import Health
from cameron.web.job import Job
from cameron.web.job_cancellation import JobCancellation
from cameron.web.job_explanation import JobExplanation
from cameron.web.job_retry import JobRetry
from cameron.web.jobs import Jobs
from cameron.web.name import Name
from cameron.web.node_drain import NodeDrain
from cameron.web.nodes import Nodes
from cameron.web.start import ProcessStart
from cameron.web.status import Status
from cameron.web.system_tree import SystemTree

JOB = "/api/process/{name}/key/{key}/job/{uuid}"


def routes(engine: Engine, config: Config) -> list[tuple[str, object]]:
    """(path template, resource) pairs; a `{field}` takes one raw, still percent-encoded segment."""
    return [
        ("/api", Name()),
        ("/status", Status(engine)),
        ("/health", Health(engine)),
        ("/api/process/{name}/start", ProcessStart(engine, config.web)),
        ("/api/process/{name}/jobs", Jobs(engine)),
        ("/api/process/{name}/dead", DeadLetter(engine)),
        (JOB, Job(engine)),
        (JOB + "/explain", JobExplanation(engine)),
        (JOB + "/cancel", JobCancellation(engine)),
        (JOB + "/retry", JobRetry(engine, config.web)),
        ("/api/system/tree", SystemTree(engine)),
        ("/api/system/nodes", Nodes(engine)),
        ("/api/system/nodes/{node}/drain", NodeDrain(engine)),
        ("/api/system/nodes/{node}/resume", NodeDrain(engine, resume=True)),
    ]
