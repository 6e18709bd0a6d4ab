"""How a node is, made of what its parts say."""

from typing import Any

import pytest

from cameron.activities.call import Occupancy, Package, PythonReport
from cameron.broker_link import BrokerLink
from cameron.definitions import Settings
from cameron.node_health import NodeHealth
from cameron.process_catalog import Catalog
from cameron.scheduling.this_node import ThisNode

PYTHON = PythonReport(Package("activities", 1, ("b.py:1: broken",)), Occupancy("python_threads", 1, 2, 3), 4, "")
NOT_FIT = {"severity": "refuse", "text": "it is full"}


class Redis:
    """Stands for what is known of Redis."""

    def __init__(self, *problems: dict[str, str]) -> None:
        self._problems = problems

    def report(self) -> tuple[bool, dict[str, Any]]:
        is_fit = NOT_FIT not in self._problems
        return is_fit, {"status": "degraded" if self._problems else "ok", "redis": {}, "durability": {}, "problems": list(self._problems)}


class Parts:
    def __init__(self) -> None:
        self.node, self.catalog, self.broker = ThisNode("here"), Catalog(Settings()), BrokerLink()

    def report(self, *problems: dict[str, str]) -> tuple[bool, dict[str, Any]]:
        return NodeHealth(Redis(*problems), self.node, self.catalog, self.broker).report()  # type: ignore[arg-type]  # a stand-in


@pytest.fixture
def parts() -> Parts:
    return Parts()


def test_a_node_that_has_neither_activities_nor_a_broker_says_nothing_of_them(parts: Parts) -> None:
    assert parts.report() == (
        True,
        {"status": "ok", "node": parts.node.name, "redis": {}, "durability": {}, "problems": [], "definitions": {"problems": []}},
    )


def test_problems_of_the_package_are_told_and_leave_the_status(parts: Parts) -> None:
    parts.node.load.hear(PYTHON)
    is_fit, report = parts.report()
    assert (is_fit, report["status"], report["problems"]) == (True, "ok", [])
    assert report["python"] == {
        "package": "activities",
        "activities": 1,
        "problems": ["b.py:1: broken"],
        "running": 1,
        "waiting": 2,
        "zombies": 4,
        "threads": {"running": 1, "waiting": 2, "places": 3},
        "processes": None,
    }


def test_threads_that_are_given_to_nobody_are_a_problem(parts: Parts) -> None:
    parts.node.load.hear(PYTHON._replace(refusal="too many have not come back"))
    is_fit, report = parts.report()
    assert (is_fit, report["status"]) == (True, "degraded")
    assert report["problems"] == [{"severity": "warn", "text": "too many have not come back"}]


def test_a_broker_that_is_away_is_a_problem_beside_others(parts: Parts) -> None:
    parts.broker.retrying("amqp://broker/", 1000, "refused")
    is_fit, report = parts.report(NOT_FIT)
    assert (is_fit, report["status"]) == (False, "degraded")
    broker = {"severity": "warn", "text": "no jobs are started by message: refused; tried again until it works"}
    assert report["problems"] == [NOT_FIT, broker]
    assert report["rabbitmq"] == {"url": "amqp://broker/", "state": "retrying", "since": "1970-01-01T00:00:01.000Z", "error": "refused"}


def test_a_node_that_drains_is_not_fit_whatever_else_there_is(parts: Parts) -> None:
    parts.node.state = "draining"
    parts.broker.retrying("amqp://broker/", 1000, "refused")
    is_fit, report = parts.report()
    assert (is_fit, report["status"]) == (False, "draining")
