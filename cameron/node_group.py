"""Several nodes on one port: the program that starts them, keeps them running, and stops them.

    root                one_for_one
      redis_server      the embedded one, only where no Redis is configured; the nodes are told its address
      nodes             dynamic: one crash too many ends the program with a non-zero status; all are stopped at once
        node_1          each stands for a program of its own, `cameron serve` with web.nodes = 1, which has the whole tree of `tree.py`
        ...

The nodes listen on one port by SO_REUSEPORT: the system spreads the connections. They share the work by way of Redis, as nodes on several
machines do. This program holds the port without listening, so it stays theirs while they are started again; it serves nobody, so nothing
that a request or a job does can bring it down.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

from cameron import cores, tree
from cameron.config import Config
from cameron.errors import ConfigError
from cameron.node_program import REAP_S, START_S, Group, NodeProgram
from cameron.otp import (
    AutoShutdown,
    Backoff,
    ChildSpec,
    DynamicSupervisor,
    Node,
    Ref,
    Restart,
    StartFailed,
    Strategy,
    Supervisor,
    start_child,
)
from cameron.otp.node import ROOT_ENDED, STOP_TOOK_TOO_LONG, STOPPED_IN_ORDER
from cameron.store.embedded import STOP_S
from cameron.tree import Parts, Patience, Roles
from cameron.web_port import reserve

log = logging.getLogger("cameron.nodes")

# A program takes longer to start, and to fail, than an actor does; and a poisonous job may bring down several before it is given up.
PATIENCE = Patience(intensity=10, period_s=120.0)
BACKOFF = Backoff(delay_s=0.2, factor=2.0, cap_s=5.0)
NAME_LENGTH = 64


class Plan(NamedTuple):
    """How each of the nodes is started: the command of them all, and the environment of each."""

    command: Sequence[str]
    environs: Sequence[Mapping[str, str]]
    stop_s: float  # that a node may take to end


def count(config: Config) -> int:
    """How many nodes there are to be. Raises ConfigError where the cores are not to be had."""
    return config.web.nodes or cores.worth(cores.chosen(config.node.cores))


def serve(config: Config, roles: Roles, command: Sequence[str], patience: Patience = PATIENCE) -> int:
    """Run `command` as each of the nodes until told to stop; the program's exit status. Raises ConfigError where a node does."""
    nodes, stop_s = count(config), tree.stop_bound_s(config, roles)
    parts, group = tree.assemble(config, roles), Group()
    with ExitStack() as held:
        port = config.web.port
        if roles.serves:
            try:
                sock = held.enter_context(reserve(config.web.host, port, is_shared=config.web.shares_port))
            except ConfigError as error:
                log.critical("cannot start: %s", error)
                return ROOT_ENDED
            port = sock.getsockname()[1]
            log.info("%d nodes are to share port %d on %s", nodes, port, config.web.host)
        else:
            log.info("%d nodes are to run jobs", nodes)
        plan = Plan(command, environments(os.environ, parts, port, nodes), stop_s)
        status = Node(lambda: root(parts, plan, group, patience), shutdown_s=stop_s + REAP_S + STOP_S + 2).run()
    return STOP_TOOK_TOO_LONG if status == STOPPED_IN_ORDER and group.was_late else status


def environments(base: Mapping[str, str], parts: Parts, port: int, nodes: int) -> list[dict[str, str]]:
    """The environment of each node. Where there is one for each core, each is kept to its own, unless told "all". Raises ConfigError."""
    node = parts.config.node
    common = {**base, "CAMERON_WEB_NODES": "1", "CAMERON_WEB_PORT": str(port), "CAMERON_WEB_SHARE_PORT": "yes"}
    if parts.embedded:
        common["CAMERON_REDIS_URL"] = parts.redis_url
    own = [{"CAMERON_NODE_CORES": str(core)} for core in cores.chosen(node.cores)]
    cores_of = own if len(own) == nodes and node.cores != cores.ALL else [{}] * nodes
    return [{**common, **cores_of[index], **_named(node.name, index + 1)} for index in range(nodes)]


def _named(name: str, number: int) -> dict[str, str]:
    """A name is continued by the node's number."""
    full = f"{name}-{number}"
    if len(full) > NAME_LENGTH:
        raise ConfigError(
            f"name under [node] is {name!r}, which is too long for several nodes: {full!r} has more than {NAME_LENGTH} characters"
        )
    return {"CAMERON_NODE_NAME": full} if name else {}


def root(parts: Parts, plan: Plan, group: Group, patience: Patience = PATIENCE) -> Any:
    """Start the root supervisor. It ends when the supervisor of the nodes gives up: they have been restarted often enough by then."""
    nodes = ChildSpec(
        "nodes",
        lambda: nodes_supervisor(plan, group, patience),
        restart=Restart.TRANSIENT,
        type="supervisor",
        significant=True,
        backoff=tree.LEFTOVERS,
    )
    children = [*tree.redis_server(parts), nodes]
    return Supervisor.start(children, Strategy.ONE_FOR_ONE, *tree.PATIENCE, AutoShutdown.ANY_SIGNIFICANT, name="root")


def nodes_supervisor(plan: Plan, group: Group, patience: Patience) -> Ref[Any]:
    """Start the supervisor of the nodes and, when the first of them has started, the others. Raises StartFailed where that one cannot."""
    supervisor = DynamicSupervisor.start(intensity=patience.intensity, period_s=patience.period_s, name="nodes")
    try:
        for number, environ in enumerate(plan.environs, start=1):
            start_child(supervisor, specification(f"node_{number}", plan, environ, group), timeout_s=START_S + REAP_S)
    except StartFailed:
        supervisor.stop()
        raise
    return supervisor


def specification(name: str, plan: Plan, environ: Mapping[str, str], group: Group) -> ChildSpec:
    """How one node is started, restarted and stopped."""
    return ChildSpec(
        name,
        lambda: NodeProgram.start(plan.command, environ, plan.stop_s, group, name=name),
        shutdown=plan.stop_s + REAP_S,
        backoff=BACKOFF,
    )
