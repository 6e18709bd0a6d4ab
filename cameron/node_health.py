"""How this node is: its Redis, its definitions, its Python activities, its link to the broker."""

from typing import Any

from cameron.broker_link import BrokerLink
from cameron.process_catalog import Catalog
from cameron.scheduling.this_node import ThisNode
from cameron.store.health import Health
from cameron.store.node_load import python_in


class NodeHealth:
    """For any thread."""

    def __init__(self, redis: Health, node: ThisNode, catalog: Catalog, broker: BrokerLink) -> None:
        self._redis, self._node, self._catalog, self._broker = redis, node, catalog, broker

    def report(self) -> tuple[bool, dict[str, Any]]:
        """Whether requests are welcome here, and what `store.Health.report` has, with `node`, `definitions`, `python` and `rabbitmq`.

        `definitions` and `python` have the `problems` of what cannot be used, which leave the status as it is. `python` is there where
        the node runs jobs, `rabbitmq` where it starts some by message: see `node_load.python_in` and `BrokerLink.shown`.
        """
        is_fit, report = self._redis.report()
        warnings = [text for text in (self._node.load.refusal, self._broker.problem) if text]
        report["problems"] += [{"severity": "warn", "text": text} for text in warnings]
        status = report.pop("status")
        if self._node.state != "running":
            is_fit, status = False, "draining"
        elif warnings:
            status = "degraded"
        parts = {"python": python_in(self._node.load.in_full()), "rabbitmq": self._broker.shown()}
        about = {"status": status, "node": self._node.name, **report, "definitions": {"problems": list(self._catalog.problems)}}
        return is_fit, about | {name: part for name, part in parts.items() if part is not None}
