"""`cameron health`."""

import json
from collections.abc import Callable

from .server import Server

Here = Callable[..., tuple[int, str, str]]
HEALTH = "GET /health"
WELL = {"status": "ok", "node": "a", "redis": {"version": "7.0.15"}, "durability": {"mode": "default"}, "problems": []}


def test_a_node_that_is_well_is_a_0_with_the_details(server: Server, here: Here) -> None:
    server.will(HEALTH, WELL)
    assert here("health") == (0, "a: ok\n  redis.version    7.0.15\n  durability.mode  default\n", "")


WARNED = WELL | {"status": "degraded", "problems": [{"severity": "warn", "text": "appendonly is off: set it"}]}


def test_what_is_not_as_it_should_be_is_told(server: Server, here: Here) -> None:
    server.will(HEALTH, WARNED)
    status, out, err = here("health")
    assert (status, err) == (0, "")
    assert (out.splitlines()[0], out.splitlines()[-1]) == ("a: degraded", "warn: appendonly is off: set it")


def test_problems_of_definitions_and_of_python_activities_are_counted_and_told_line_by_line(server: Server, here: Here) -> None:
    python = {"package": "activities", "activities": 3, "problems": ["a.py:1: broken", "b.py:2: twice"], "zombies": 0}
    server.will(HEALTH, WELL | {"definitions": {"problems": ["c.json: no JSON"]}, "python": python})
    lines = here("health")[1].splitlines()
    assert [line.split() for line in lines if "problems" in line] == [["definitions.problems", "1"], ["python.problems", "2"]]
    assert lines[-3:] == ["definitions: c.json: no JSON", "python: a.py:1: broken", "python: b.py:2: twice"]
    assert json.loads(here("health", "--json")[1])["python"] == python


def test_the_processes_of_a_node_that_is_fit_are_told_too(server: Server, here: Here) -> None:
    server.will(HEALTH, WELL)
    server.will("GET /status", {"status": "ok", "processes": ["bar", "foo"]})
    assert here("health")[1].splitlines()[-1].split() == ["processes", "bar,", "foo"]
    assert json.loads(here("health", "--json")[1])["processes"] == ["bar", "foo"]


def test_a_node_that_is_not_fit_for_requests_is_a_1(server: Server, here: Here) -> None:
    server.will(HEALTH, WARNED | {"status": "draining"}, status="503 Service Unavailable")
    status, out, err = here("health", "--json")
    assert (status, json.loads(out)["status"], err) == (1, "draining", "")
