"""Nodes in any number for one test, whose deaths are noticed at once, or never while a test lasts."""

from collections.abc import Callable, Mapping
from pathlib import Path

from ...integration.relay import Relay
from .node import Node
from .redis_server import RedisServer
from .service import Service

SHORT_LEASE = {"CAMERON_NODE_LEASE_S": "1", "CAMERON_NODE_SHUTDOWN_S": "0.5", "CAMERON_REDIS_TIMEOUT_S": "1"}
LONG_LEASE = {**SHORT_LEASE, "CAMERON_NODE_LEASE_S": "60"}


class StartNode:
    """Starts a node on a Redis; its one process is `steps`, which starts at the service's `/first`, where none are named."""

    def __init__(self, new_folder: Callable[[], Path], service: Service) -> None:
        self._new_folder, self._service = new_folder, service
        self.nodes: list[Node] = []

    def __call__(self, store: RedisServer | Relay, settings: Mapping[str, str] = SHORT_LEASE, **processes: str) -> Node:
        """A node that is ready."""
        node = Node(self._new_folder(), store.url, processes or {"steps": self._service.url("first")}, settings)
        self.nodes.append(node)
        return node.start()

    def stop(self) -> None:
        """End all of them."""
        for node in self.nodes:
            node.stop()
