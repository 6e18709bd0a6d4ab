"""The supervision tree, on one screen, and `serve`, which runs it.

    root                     one_for_one: one crash too many below it ends the program with a non-zero status
      redis_server           the embedded one, only where no Redis is configured
      engine                 rest_for_one: what stands below a crashed actor depends on it, and starts again with it
        job_data             the only writer of job state
        process_catalog      the definitions
        http                 all calls to activities, on one libcurl loop
        job_runner_sup       dynamic: one temporary job_runner for each job in progress
        job_scheduler        gives this node its jobs; adopts the runners that live
        queue_reader         the one blocking read
        housekeeper          clears the lists of jobs of those that have expired
      web_server             Falcon on waitress

A stop goes from the bottom up: no request comes in, no job is read from the queues, calls end or their jobs are handed back; then the rest.
"""

import os
from typing import Any, NamedTuple

from cameron import fault
from cameron.activities.http import HttpCalls
from cameron.clock import Clock
from cameron.config import Config
from cameron.core.process import Limits, RetryPolicy, Timeouts
from cameron.definitions import Settings, load
from cameron.engine import Engine, EngineSettings
from cameron.housekeeper import Housekeeper
from cameron.job_data import JobData
from cameron.job_orders import runner_name
from cameron.job_runner import JobRunner, Surroundings
from cameron.job_scheduler import HAND_BACK_S, JobScheduler, SchedulerSettings
from cameron.otp import Backoff, ChildSpec, DynamicSupervisor, Node, Restart, Strategy, Supervisor
from cameron.process_catalog import Catalog, ProcessCatalog
from cameron.queue_reader import QueueReader
from cameron.scheduling.this_node import ThisNode
from cameron.store.durability import Rules
from cameron.store.embedded import STOP_S, EmbeddedRedis, Place, choose_place
from cameron.store.health import Health
from cameron.web import create_app
from cameron.web.server import WebServer

DRAIN_WEB_S = 5.0
LEFTOVERS = Backoff(delay_s=0.1, factor=2.0, cap_s=1.0)  # what a killed actor leaves behind (its children, its port) takes a moment to end


class Parts(NamedTuple):
    """What the actors of one node share: settings, and the few values that outlive an actor's restart."""

    config: Config
    embedded: Place | None
    redis_url: str
    settings: Settings
    catalog: Catalog
    clock: Clock
    node: ThisNode
    engine: Engine
    health: Health


class Patience(NamedTuple):
    """How many restarts in how many seconds are borne, at the root and below the engine; one more is too many."""

    intensity: int = 5
    period_s: float = 30.0


PATIENCE = Patience()


def assemble(config: Config) -> Parts:
    """The parts of a node, none of them running yet. Raises ConfigError."""
    settings = Settings(
        RetryPolicy(config.retry.attempts, config.retry.delay_s, config.retry.factor, config.retry.cap_s),
        Timeouts(config.http.connect_timeout_s, config.http.call_timeout_s),
        Limits(config.job.max_tasks, config.job.max_depth, config.job.max_stored_bytes, config.job.timeout_s, config.job.max_crashes),
    )
    load(config.processes.file, settings)  # the catalog reads it again; here its faults stop the start
    embedded = None if config.redis.url else choose_place(config.redis.dir, config.redis.port)
    url = embedded.url if embedded else config.redis.url
    catalog, clock = Catalog(settings), Clock()
    node = ThisNode(config.node.name)
    rules = Rules(config.environment == "production", config.redis.durability == "strict", config.redis.strict_replicas)
    health = Health(url, config.redis.timeout_s, rules)
    job, redis = config.job, config.redis
    retention_ms, idempotency_ms = int(job.retention_s * 1000), int(job.idempotency_s * 1000)
    doors = EngineSettings(url, redis.timeout_s, config.web.accept_timeout_s, retention_ms, job.max_backlog, idempotency_ms)
    engine = Engine(catalog, clock, doors, node, health)
    return Parts(config, embedded, url, settings, catalog, clock, node, engine, health)


def root(parts: Parts, patience: Patience = PATIENCE) -> Any:
    """Start the root supervisor."""
    web = parts.config.web
    children = [
        ChildSpec("engine", lambda: engine_supervisor(parts, patience), type="supervisor", backoff=LEFTOVERS),
        ChildSpec(
            "web_server",
            lambda: WebServer.start(
                create_app(parts.engine, parts.config), web.host, web.port, web.threads, web.max_body_bytes, DRAIN_WEB_S, name="web_server"
            ),
            shutdown=DRAIN_WEB_S + 3,
            backoff=LEFTOVERS,
        ),
    ]
    if parts.embedded:
        place, is_strict = parts.embedded, parts.health.rules.strict
        own = ChildSpec("redis_server", lambda: EmbeddedRedis.start(place, is_strict, name="redis_server"), shutdown=STOP_S + 2)
        children.insert(0, own)
    return Supervisor.start(children, Strategy.ONE_FOR_ONE, *patience, name="root")


def engine_supervisor(parts: Parts, patience: Patience) -> Any:
    """Start the engine's actors, each after those that it depends on."""
    config, redis, http, definitions = parts.config, parts.config.redis, parts.config.http, parts.config.processes.file
    job = config.job
    around = Surroundings(parts.catalog, parts.clock, http.max_reply_bytes, int(job.retention_s * 1000), job.max_crashes)
    node = config.node
    scheduling = SchedulerSettings(
        parts.redis_url, redis.timeout_s, node.lease_s, node.max_jobs, node.max_jobs_per_process, node.shutdown_s
    )
    children = [
        ChildSpec("job_data", lambda: JobData.start(parts.redis_url, redis.timeout_s, parts.health, name="job_data")),
        ChildSpec("process_catalog", lambda: ProcessCatalog.start(parts.catalog, definitions, parts.settings, name="process_catalog")),
        ChildSpec("http", lambda: HttpCalls.start(http.max_calls, http.max_calls_per_host, http.proxy, name="http")),
        ChildSpec("job_runner_sup", lambda: runner_supervisor(around), type="supervisor"),
        ChildSpec(
            "job_scheduler",
            lambda: JobScheduler.start(scheduling, parts.node, around, name="job_scheduler"),
            shutdown=node.shutdown_s + HAND_BACK_S + 2 * redis.timeout_s,
        ),
        ChildSpec("queue_reader", lambda: QueueReader.start(parts.redis_url, redis.timeout_s, name="queue_reader")),
        ChildSpec("housekeeper", lambda: Housekeeper.start(parts.redis_url, redis.timeout_s, parts.catalog, name="housekeeper")),
    ]
    return Supervisor.start(children, Strategy.REST_FOR_ONE, *patience, name="engine")


def runner_supervisor(around: Surroundings) -> Any:
    """Start the supervisor of runners; it never restarts one: the scheduler has a job that lost its runner rebuilt."""
    return DynamicSupervisor.start(
        lambda claim: JobRunner.start(claim, around, name=runner_name(claim.uuid)), restart=Restart.TEMPORARY, name="job_runner_sup"
    )


def serve(config: Config) -> int:
    """Run a node until it is told to stop; the program's exit status. Raises ConfigError where nothing can be started at all."""
    fault.arm(os.environ.get(fault.VARIABLE, ""))
    parts = assemble(config)
    return Node(lambda: root(parts), shutdown_s=config.node.shutdown_s + HAND_BACK_S + STOP_S + DRAIN_WEB_S + 15).run()
