"""Starting a node: what stops it with a clear message, and the embedded Redis where none is configured."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as redis_py

from .support.answer import reply
from .support.node import Node
from .support.port import free_port, refusing_port, taken_port
from .support.redis_server import RedisServer
from .support.service import Service
from .support.waiting import eventually


def refused(node: Node) -> str:
    """Launch a node that is to end by itself; what it said."""
    node.launch()
    try:
        status = node.wait(60)
    finally:
        node.stop()
    assert status != 0
    said = node.output()
    assert "Traceback" not in said, said
    return said


BROKEN = {
    "a bracket missing": ('{processes, [{foo, {start_activity_url, "http://localhost:9292/"}}\n', 2),
    "a stray character": ('%% comment\n{processes, [{foo, {start_activity_url, "http://x/"}},\n             ! ]}.\n', 3),
    "a string that does not end": ('{processes,\n [{foo, {start_activity_url, "http://localhost:9292/}}]}.\n', 2),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_definitions_file_stops_the_start_with_its_line_and_column(tmp_path: Path, redis: RedisServer, kind: str) -> None:
    text, line = BROKEN[kind]
    node = Node(tmp_path, redis.url, text)
    said = refused(node)
    assert node.file.name in said
    place = re.search(r":(\d+):(\d+)|line (\d+),? col(?:umn)? (\d+)", said)
    assert place, said
    assert int(place[1] or place[3]) in (line, line + 1)


def test_an_absent_definitions_file_stops_the_start_and_is_named(tmp_path: Path, redis: RedisServer) -> None:
    missing = str(tmp_path / "nowhere.config")
    said = refused(Node(tmp_path, redis.url, {}, {"CAMERON_PROCESSES_FILE": missing}))
    assert "nowhere.config" in said


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"CAMERON_WEB_PORT": "many"}, ["CAMERON_WEB_PORT"]),
        ({"CAMERON_WEB_PORT": "70000"}, ["CAMERON_WEB_PORT"]),
        ({"CAMERON_WEB_PROT": "8008"}, ["CAMERON_WEB_PROT", "CAMERON_WEB_PORT"]),
    ],
)
def test_a_wrong_setting_stops_the_start_and_is_named(
    tmp_path: Path, redis: RedisServer, settings: dict[str, str], words: list[str]
) -> None:
    said = refused(Node(tmp_path, redis.url, {"foo": "http://localhost:9292/"}, settings))
    assert [word for word in words if word not in said] == []


def test_a_taken_port_stops_the_start_with_its_number(tmp_path: Path, redis: RedisServer) -> None:
    with taken_port() as port:
        said = refused(Node(tmp_path, redis.url, {"foo": "http://localhost:9292/"}, port=port))
    assert str(port) in said
    assert "port" in said.lower()


def test_a_redis_that_is_not_there_is_said_or_waited_for(tmp_path: Path) -> None:
    """Either the start ends with the address of what is missing, or the node runs and says 503."""
    with refusing_port() as port:
        node = Node(tmp_path, f"redis://127.0.0.1:{port}/0", {"foo": "http://localhost:9292/"}, {"CAMERON_REDIS_TIMEOUT_S": "1.0"})
        node.launch()
        try:
            eventually(lambda: node.exited is not None or str(port) in node.output(), "the missing Redis to be named", 60, every_s=0.1)
        finally:
            node.stop()
    assert node.exited != 0
    assert str(port) in node.output()


@pytest.fixture
def embedded(tmp_path: Path, service: Service) -> Iterator[Node]:
    """A node without a Redis URL: it starts a redis-server of its own."""
    service.on("start", reply("fine"))
    port = free_port()
    settings = {"CAMERON_REDIS_URL": "", "CAMERON_REDIS_PORT": str(port), "CAMERON_REDIS_DIR": str(tmp_path / "data")}
    node = Node(tmp_path, f"redis://127.0.0.1:{port}/0", {"scripted": service.url("start")}, settings)
    yield node
    if node.running:
        node.terminate()
    with contextlib.suppress(redis_py.RedisError):
        node.store.shutdown(nosave=True)  # the embedded server, where the node has left it behind
    node.stop()


def test_without_a_redis_url_the_node_brings_its_own_and_keeps_its_data(embedded: Node, tmp_path: Path) -> None:
    embedded.start()
    eventually(lambda: "redis-cli" in embedded.output(), "the line that tells how to look in")
    job = embedded.job("scripted", {"key": "kept"}).done()
    assert embedded.terminate() == 0
    with pytest.raises(redis_py.ConnectionError):
        embedded.store.ping()
    assert any((tmp_path / "data").iterdir())
    embedded.start()
    assert job.view()["status"]["current"] == "done"
    embedded.job("scripted", {"key": "new"}).done()
    assert embedded.terminate() == 0


def test_the_definitions_may_hold_comments_atoms_and_odd_layout(tmp_path: Path, redis: RedisServer, service: Service) -> None:
    service.on("start", reply(1))
    url = service.url("start")
    text = f"""%% -*- mode: erlang -*-
    {{processes,[ % first
      {{ foo , {{start_activity_url,"{url}"}} }},{{'Quoted-Name',{{ start_activity_url , "{url}" }}}} ,
      {{with_1, {{start_activity_url,
          "{url}"}}}}
    ]
    }} .
    """
    node = Node(tmp_path, redis.url, text)
    try:
        node.start()
        for name in ("foo", "Quoted-Name", "with_1"):
            node.job(name, {"key": "layout"}).done()
    finally:
        node.stop()
