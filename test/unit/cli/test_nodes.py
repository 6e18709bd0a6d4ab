"""`cameron nodes` and `cameron drain`."""

import json
import signal
from collections.abc import Callable
from typing import Any

import pytest

from cameron.cli import nodes

from .run import command
from .server import Server

Here = Callable[..., tuple[int, str, str]]
NODES = "GET /api/system/nodes"
DRAIN = "POST /api/system/nodes/a/drain"
HEALTH = "GET /health"


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "POLL_S", 0.0)


def node(state: str = "running", jobs: int = 3, name: str = "a", **more: Any) -> dict[str, Any]:
    known = {"node": name, "state": state, "host": "web1", "pid": 4711, "since": "2026-11-21T00:47:00Z", "jobs": jobs}
    lease = {"lease_s": 10.0, "lease_age_s": 2.14}
    return {**known, **lease, "processes": {"foo": jobs}, "calls": {"h:80": {"in_flight": 256, "waiting": 1000}}, **more}


def at_work(**python: Any) -> dict[str, Any]:
    """What a node says of what it performs itself."""
    nothing = {"package": "activities", "activities": 2, "problems": [], "running": 0, "waiting": 0, "zombies": 0}
    return {"commands": {"running": 2, "waiting": 0, "places": 64}, "python": nothing | python}


def listing(*found: dict[str, Any]) -> dict[str, Any]:
    return {"nodes": list(found)}


def test_nodes_are_a_table(server: Server, here: Here) -> None:
    dead = node("dead", 2, "b", taken_over_within_s=11.5, calls={})
    server.will(NODES, listing(node(), dead))
    status, out, err = here("nodes")
    lines = [line.split() for line in out.splitlines() if line.strip(" ─")]
    assert (status, err) == (0, "")
    assert lines[1] == ["a", "running", "3", "2.1", "of", "10", "s", "foo", "3", "h:80", "1000", "web1", "4711", "2026-11-21T00:47:00Z"]
    assert lines[2] == ["b", "dead", "2", "taken", "over", "within", "11.5", "s", "foo", "2", "web1", "4711", "2026-11-21T00:47:00Z"]


def test_what_a_node_performs_itself_stands_beside_calls_and_what_is_wrong_in_a_column_of_its_own(server: Server, here: Here) -> None:
    busy = at_work(running=32, waiting=6, zombies=1, problems=["a", "b"], more_problems=10)
    server.will(NODES, listing(node(**busy), node(name="b", calls={}, **at_work())))
    _, out, _ = here("nodes")
    assert out.splitlines()[1].split()[5:8] == ["running", "waiting", "trouble"]
    first, second = (line for line in out.splitlines() if line.split()[:1] in (["a"], ["b"]))
    assert "commands 2, python 32" in first
    assert "h:80 1000, python 6" in first
    assert "1 zombie, 12 package problems" in first
    assert second.split()[9:] == ["commands", "2", "web1", "4711", "2026-11-21T00:47:00Z"]


def test_nodes_of_an_earlier_version_are_shown_with_what_they_say(server: Server, here: Here) -> None:
    server.will(NODES, listing(node(commands=None, python=None)))
    status, out, err = here("nodes")
    assert (status, err) == (0, "")
    assert "h:80 1000" in out


def test_nodes_as_json_are_the_servers(server: Server, here: Here) -> None:
    server.will(NODES, listing(node()))
    assert json.loads(here("nodes", "--json")[1]) == [node()]


def test_watching_the_nodes_goes_on_until_ctrl_c(server: Server) -> None:
    server.will(NODES, listing(node()), listing(node("dead", taken_over_within_s=12.0)), listing(node()))
    with command("nodes", "--watch", "--url", server.url) as process:
        assert server.last.wait(30)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")
    assert out.count("lease") >= 2
    assert "dead" in out


def test_a_drain_is_of_the_node_that_answers_and_waits_until_it_is_done(server: Server, here: Here) -> None:
    server.will(HEALTH, {"status": "ok", "node": "a", "problems": []})
    server.will(DRAIN, {"node": "a", "state": "draining"}, status="202 Accepted")
    states = [("running", 3), ("draining", 3), ("draining", 1), ("draining", 1), ("draining", 0), ("drained", 0)]
    server.will(NODES, *(listing(node(name="b"), node(state, jobs)) for state, jobs in states))
    status, out, err = here("drain")
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "a is draining, 3 jobs left",
        "a is draining, 1 job left",
        "a is draining, 0 jobs left",
        "a is drained: `cameron drain a --resume` lets it run jobs again",
    ]


def test_a_node_that_ends_meanwhile_has_handed_everything_back(server: Server, here: Here) -> None:
    server.will(DRAIN, {"node": "a", "state": "draining"})
    server.will(NODES, listing(node("draining")), listing())
    assert here("drain", "a") == (0, "a is draining, 3 jobs left\na has ended\n", "")


@pytest.mark.parametrize(("state", "told"), [("dead", "a died before it was drained"), ("running", "a runs jobs again: somebody")])
def test_a_node_that_is_not_drained_in_the_end_is_a_1(server: Server, here: Here, state: str, told: str) -> None:
    server.will(DRAIN, {"node": "a", "state": "draining"})
    server.will(NODES, listing(node("draining")), listing(node(state, taken_over_within_s=3.0)))
    status, _, err = here("drain", "a")
    assert status == 1
    assert err.startswith(f"cameron: {told}")


def test_a_resumed_node_is_not_waited_for(server: Server, here: Here) -> None:
    server.will("POST /api/system/nodes/a/resume", {"node": "a", "state": "running"})
    assert here("drain", "a", "--resume") == (0, "a runs jobs again\n", "")
    assert server.asked == ["POST /api/system/nodes/a/resume"]


def test_a_node_without_a_name_yet_cannot_be_drained(server: Server, here: Here) -> None:
    server.will(HEALTH, {"status": "degraded", "node": "", "problems": []}, status="503 Service Unavailable")
    status, out, err = here("drain")
    assert (status, out) == (1, "")
    assert "it is starting or stopping" in err


def test_an_unknown_node_is_a_1_with_the_servers_words(server: Server, here: Here) -> None:
    server.will(DRAIN, {"error": {"code": "node_not_found", "message": "there is no node named 'a'"}}, status="404 Not Found")
    assert here("drain", "a") == (1, "", "cameron: there is no node named 'a'\n")
