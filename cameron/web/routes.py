"""The API's table of contents: which path is answered by what."""

from collections.abc import Iterable

from cameron.config import Config
from cameron.definitions.manner import Manner
from cameron.web.dead_letter import DeadLetter
from cameron.web.definition import Definition
from cameron.web.definition_picture import DefinitionPicture
from cameron.web.definitions import Definitions
from cameron.web.door import Engine
from cameron.web.health import Health
from cameron.web.job import Job
from cameron.web.job_callback import JobCallback
from cameron.web.job_cancellation import JobCancellation
from cameron.web.job_events import JobEvents
from cameron.web.job_explanation import JobExplanation
from cameron.web.job_retry import JobRetry
from cameron.web.job_start import JobStart
from cameron.web.jobs import Jobs
from cameron.web.name import Name
from cameron.web.node_drain import NodeDrain
from cameron.web.nodes import Nodes
from cameron.web.schema import Schema
from cameron.web.schemas import Schemas
from cameron.web.status import Status
from cameron.web.system_tree import SystemTree
from cameron.web.waiting_room import WaitingRoom

JOB = "/api/process/{name}/key/{key}/job/{uuid}"
REGISTERS = "machinery"  # the dialect whose definitions are registered over HTTP

Routes = list[tuple[str, object]]  # path template, resource; a `{field}` takes one raw, still percent-encoded segment


def routes(engine: Engine, config: Config, room: WaitingRoom) -> Routes:
    """All of them; where a path has a field, and another one letters in its place, the letters go first."""
    return [
        ("/api", Name()),
        ("/status", Status(engine)),
        ("/health", Health(engine)),
        *(route for manner in apart(engine.manners()) for route in jobs_of(engine, config, room, manner)),
        (JOB + "/task/{task}/callback/{token}", JobCallback(engine, config.http.max_reply_bytes)),
        ("/api/process/{name}/jobs", Jobs(engine)),
        ("/api/process/{name}/dead", DeadLetter(engine)),
        ("/api/schema", Schemas()),
        ("/api/schema/{dialect}", Schema()),
        ("/s", Definitions(engine, config.web, REGISTERS, "service")),
        ("/s/{id}", Definition(engine, REGISTERS, "service")),
        ("/w", Definitions(engine, config.web, REGISTERS, "workflow")),
        ("/w/{id}", Definition(engine, REGISTERS, "workflow")),
        ("/w/{id}.svg", DefinitionPicture(engine, REGISTERS, "svg")),
        ("/w/{id}.mmd", DefinitionPicture(engine, REGISTERS, "mermaid")),
        ("/api/system/tree", SystemTree(engine)),
        ("/api/system/nodes", Nodes(engine)),
        ("/api/system/nodes/{node}/drain", NodeDrain(engine)),
        ("/api/system/nodes/{node}/resume", NodeDrain(engine, resume=True)),
    ]


def apart(manners: Iterable[Manner]) -> Iterable[Manner]:
    """One for each path where jobs are started: dialects may share theirs, and the engine tells whose a job is."""
    by_path: dict[str, Manner] = {}
    for manner in manners:
        by_path.setdefault(manner.start, manner)
    return by_path.values()


def jobs_of(engine: Engine, config: Config, room: WaitingRoom, manner: Manner) -> Routes:
    """Where jobs of one dialect are started and found, and what people do with them there."""
    return [
        (manner.start, JobStart(engine, config.web, manner, room)),
        (manner.job, Job(engine, manner)),
        (manner.job + "/explain", JobExplanation(engine, manner)),
        (manner.job + "/events", JobEvents(engine, manner)),
        (manner.job + "/cancel", JobCancellation(engine, manner)),
        (manner.job + "/retry", JobRetry(engine, config.web, manner)),
    ]
