"""The supervision tree, on one screen, and `serve`, which runs it.

    root                     one_for_one: one crash too many below it ends the program with a non-zero status
      redis_server           the embedded one, only where no Redis is configured
      engine                 rest_for_one: what stands below a crashed actor depends on it, and starts again with it
        job_data             the only writer of job state
        redis_clock          tells the time, only where there is no job_scheduler to do so
        process_catalog      the definitions
        http                 all calls to services, on one libcurl loop
        commands             the programs that activities run
        python_processes     Python activities that have a process of their own
        python               Python activities: their package, their threads
        job_runner_sup       dynamic: one temporary job_runner for each job in progress
        job_scheduler        gives this node its jobs; adopts the runners that live
        queue_reader         the one blocking read
        housekeeper          clears the lists of jobs of those that have expired
      web_server             Falcon on waitress
      rabbitmq_starter       starts jobs by message, only where a broker is configured
      quiet_core             keeps all threads on one core, only where the node is to choose it

`cameron server` runs nothing from http to queue_reader, `cameron worker` nothing below engine; `cameron serve` runs both.
A stop goes from the bottom up: no request comes in, no job is read from the queues, calls end or their jobs are handed back; then the rest.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NamedTuple

from cameron import cores, fault, quiet_core, rabbitmq
from cameron.activities.commands import AFTER_KILL_S, Commands
from cameron.activities.http import HttpCalls
from cameron.activities.isolated_run import ENVELOPE_BYTES
from cameron.activities.python import PythonActivities, PythonSettings
from cameron.activities.python_package import discover
from cameron.broker_link import BrokerLink
from cameron.callbacks import Callbacks
from cameron.clock import Clock
from cameron.config import Config, WebConfig
from cameron.core.process import Limits, RetryPolicy, Timeouts
from cameron.definitions import Settings, load
from cameron.engine import Engine, EngineSettings
from cameron.housekeeper import Housekeeper
from cameron.job_data import JobData
from cameron.job_orders import runner_name
from cameron.job_runner import JobRunner, Surroundings
from cameron.job_scheduler import HAND_BACK_S, JobScheduler, SchedulerSettings
from cameron.otp import Address, Backoff, ChildSpec, DynamicSupervisor, Node, Restart, Strategy, Supervisor
from cameron.process_catalog import Catalog, ProcessCatalog, Sources
from cameron.queue_reader import QueueReader
from cameron.scheduling.this_node import ThisNode
from cameron.store.durability import Rules
from cameron.store.embedded import STOP_S, EmbeddedRedis, Place, choose_place
from cameron.store.health import Health
from cameron.store.redis_clock import RedisClock
from cameron.store.secret import Secret
from cameron.store.session import Sessions
from cameron.web import create_app
from cameron.web.server import Listening, WebServer

DRAIN_WEB_S = 5.0
LEFTOVERS = Backoff(delay_s=0.1, factor=2.0, cap_s=1.0)  # what a killed actor leaves behind (its children, its port) takes a moment to end


class Roles(NamedTuple):
    """What a node does; one that does half of it shares its Redis with others that do the rest."""

    serves: bool = True  # the API
    runs: bool = True  # jobs


BOTH = Roles()


class OwnAddress:
    """Where services reach this node's API; the port that was free is known once the server listens. For any thread."""

    def __init__(self, web: WebConfig) -> None:
        self._web = web

    def __call__(self) -> str:
        return self._web.reached_at

    def learn(self, listening: Listening) -> None:
        """The server listens there."""
        self._web = replace(self._web, port=listening.port)


class Parts(NamedTuple):
    """What the actors of one node share: settings, and the few values that outlive an actor's restart."""

    config: Config
    roles: Roles
    embedded: Place | None
    redis_url: str
    settings: Settings
    catalog: Catalog
    clock: Clock
    node: ThisNode
    engine: Engine
    health: Health
    address: OwnAddress
    callbacks: Callbacks
    broker: BrokerLink


class Patience(NamedTuple):
    """How many restarts in how many seconds are borne, at the root and below the engine; one more is too many."""

    intensity: int = 5
    period_s: float = 30.0


PATIENCE = Patience()


def settings_of(config: Config, environ: Mapping[str, str]) -> Settings:
    """What every definition starts from; of `environ` templates see the variables that are allowed to them."""
    return Settings(
        RetryPolicy(config.retry.attempts, config.retry.delay_s, config.retry.factor, config.retry.cap_s),
        Timeouts(config.http.connect_timeout_s, config.http.call_timeout_s),
        Limits(config.job.max_tasks, config.job.max_depth, config.job.max_stored_bytes, config.job.timeout_s, config.job.max_crashes),
        MappingProxyType({name: environ[name] for name in config.templates.env_names if name in environ}),
        config.commands.allowed,
        config.commands.timeout_s,
        config.job.callback_timeout_s,
    )


def assemble(config: Config, roles: Roles = BOTH) -> Parts:
    """The parts of a node, none of them running yet. Raises ConfigError."""
    settings = settings_of(config, os.environ)
    if config.rabbitmq.url and roles.serves:
        rabbitmq.check(config.rabbitmq.url)
    load(config.processes_file, settings)  # the catalog reads it again; here its faults stop the start
    embedded = None if config.redis.url else choose_place(config.redis.dir, config.redis.port)
    url = embedded.url if embedded else config.redis.url
    catalog, clock = Catalog(settings), Clock()
    node = ThisNode(config.node.name)
    rules = Rules(config.environment == "production", config.redis.durability == "strict", config.redis.strict_replicas)
    health = Health(url, config.redis.timeout_s, rules)
    job, redis = config.job, config.redis
    retention_ms, idempotency_ms = int(job.retention_s * 1000), int(job.idempotency_s * 1000)
    doors = EngineSettings(
        url, redis.timeout_s, config.web.accept_timeout_s, retention_ms, job.max_backlog, idempotency_ms, config.http.max_reply_bytes
    )
    address = OwnAddress(config.web)
    callbacks = Callbacks(Secret(url, redis.timeout_s), address)
    broker = BrokerLink()
    engine = Engine(catalog, clock, doors, node, health, callbacks, broker)
    return Parts(config, roles, embedded, url, settings, catalog, clock, node, engine, health, address, callbacks, broker)


def root(parts: Parts, patience: Patience = PATIENCE) -> Any:
    """Start the root supervisor."""
    children = [ChildSpec("engine", lambda: engine_supervisor(parts, patience), type="supervisor", backoff=LEFTOVERS)]
    if parts.roles.serves:
        children.append(ChildSpec("web_server", lambda: web_server(parts), shutdown=DRAIN_WEB_S + 3, backoff=LEFTOVERS))
        if parts.config.rabbitmq.url:
            children.append(ChildSpec("rabbitmq_starter", lambda: rabbitmq_starter(parts), shutdown=rabbitmq.SHUTDOWN_S, backoff=LEFTOVERS))
    if parts.config.node.cores == cores.ONE and quiet_core.is_wanted():
        children.append(ChildSpec("quiet_core", lambda: quiet_core.QuietCore.start(name="quiet_core")))
    return Supervisor.start([*redis_server(parts), *children], Strategy.ONE_FOR_ONE, *patience, name="root")


def redis_server(parts: Parts) -> list[ChildSpec]:
    """The embedded one, where it is wanted."""
    place, is_strict = parts.embedded, parts.health.rules.strict
    if place is None:
        return []
    return [ChildSpec("redis_server", lambda: EmbeddedRedis.start(place, is_strict, name="redis_server"), shutdown=STOP_S + 2)]


def web_server(parts: Parts) -> Any:
    """Start the API's server."""
    app, web, learn = create_app(parts.engine, parts.config), parts.config.web, parts.address.learn
    return WebServer.start(app, web.host, web.port, web.threads, web.max_body_bytes, DRAIN_WEB_S, learn, web.shares_port, name="web_server")


def rabbitmq_starter(parts: Parts) -> Any:
    """Start what starts jobs by message; its packages are there only where somebody has asked for them."""
    from cameron.rabbitmq.starter import RabbitmqStarter

    config = parts.config
    return RabbitmqStarter.start(parts.engine, config.rabbitmq, config.web.max_body_bytes, parts.broker, name="rabbitmq_starter")


def engine_supervisor(parts: Parts, patience: Patience) -> Any:
    """Start the engine's actors, each after those that it depends on."""
    config, store = parts.config, (parts.redis_url, parts.config.redis.timeout_s)
    sources = Sources(config.processes_file, config.definitions.dir, *store)
    children = [
        ChildSpec("job_data", lambda: JobData.start(*store, parts.health, name="job_data")),
        *(() if parts.roles.runs else [ChildSpec("redis_clock", lambda: RedisClock.start(*store, parts.clock, name="redis_clock"))]),
        ChildSpec("process_catalog", lambda: ProcessCatalog.start(parts.catalog, sources, parts.settings, name="process_catalog")),
        *(workers(parts) if parts.roles.runs else ()),
        ChildSpec("housekeeper", lambda: Housekeeper.start(*store, parts.catalog, name="housekeeper")),
    ]
    return Supervisor.start(children, Strategy.REST_FOR_ONE, *patience, name="engine")


def workers(parts: Parts) -> list[ChildSpec]:
    """What runs jobs."""
    config, redis, http, commands, python = parts.config, parts.config.redis, parts.config.http, parts.config.commands, parts.config.python
    job, node = config.job, config.node
    around = Surroundings(parts.catalog, parts.clock, parts.callbacks, http.max_reply_bytes, int(job.retention_s * 1000), job.max_crashes)
    scheduling = SchedulerSettings(
        parts.redis_url, redis.timeout_s, node.lease_s, node.max_jobs, node.max_jobs_per_process, node.shutdown_s
    )
    return [
        ChildSpec("http", lambda: HttpCalls.start(http.max_calls, http.max_calls_per_host, http.proxy, name="http")),
        ChildSpec(
            "commands",
            lambda: Commands.start(commands.max_commands, commands.max_output_bytes, commands.kill_after_s, name="commands"),
            shutdown=commands.kill_after_s + AFTER_KILL_S + 1,
        ),
        ChildSpec(
            "python_processes",
            lambda: Commands.start(
                python.max_processes, http.max_reply_bytes + ENVELOPE_BYTES, python.kill_after_s, name="python_processes"
            ),
            shutdown=python.kill_after_s + AFTER_KILL_S + 1,
        ),
        ChildSpec("python", lambda: python_activities(parts)),
        ChildSpec("job_runner_sup", lambda: runner_supervisor(around), type="supervisor"),
        ChildSpec(
            "job_scheduler",
            lambda: JobScheduler.start(scheduling, parts.node, around, name="job_scheduler"),
            shutdown=node.shutdown_s + HAND_BACK_S + 2 * redis.timeout_s,
        ),
        ChildSpec("queue_reader", lambda: QueueReader.start(parts.redis_url, redis.timeout_s, name="queue_reader")),
    ]


def python_activities(parts: Parts) -> Any:
    """Start what runs the activities of the node's own package."""
    python, store = parts.config.python, (parts.redis_url, parts.config.redis.timeout_s)
    settings = PythonSettings(
        python.max_threads, python.max_zombies, python.timeout_s, python.max_memory_bytes, parts.config.http.max_reply_bytes, *store
    )
    processes = Address("python_processes")
    is_optional = parts.config.has_default_package
    return PythonActivities.start(
        lambda: discover(python.activities_package, python.path, is_optional), Sessions(*store), processes, settings, name="python"
    )


def runner_supervisor(around: Surroundings) -> Any:
    """Start the supervisor of runners; it never restarts one: the scheduler has a job that lost its runner rebuilt."""
    return DynamicSupervisor.start(
        lambda claim: JobRunner.start(claim, around, name=runner_name(claim.uuid)), restart=Restart.TEMPORARY, name="job_runner_sup"
    )


def stop_bound_s(config: Config, roles: Roles = BOTH) -> float:
    """How long the stop of a node may take at most."""
    killing_s = config.commands.kill_after_s + config.python.kill_after_s + 2 * AFTER_KILL_S
    starter_s = rabbitmq.SHUTDOWN_S if config.rabbitmq.url and roles.serves else 0.0
    return config.node.shutdown_s + HAND_BACK_S + killing_s + STOP_S + DRAIN_WEB_S + starter_s + 15


def serve(config: Config, roles: Roles = BOTH, on_started: Callable[[], None] = lambda: None) -> int:
    """Run a node until it is told to stop; the program's exit status. Raises ConfigError where nothing can be started at all.

    `on_started` is called once all actors have started.
    """
    fault.arm(os.environ.get(fault.VARIABLE, ""))
    parts = assemble(config, roles)

    def start() -> Any:
        started = root(parts)
        on_started()
        return started

    return Node(start, shutdown_s=stop_bound_s(config, roles)).run()
