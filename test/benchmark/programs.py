"""The programs of one benchmark run: redis-server, the service, the node, the clients; and what each of them costs."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import redis

from cameron.store.embedded import find_server

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
READY_S = 60.0


class Program:
    """A child process, its standard error in `folder/{name}.log`; ended by its process id at the end of a `with`."""

    def __init__(self, folder: Path, name: str, command: Sequence[str], settings: Mapping[str, str] | None = None) -> None:
        environ = {key: value for key, value in os.environ.items() if not key.startswith("CAMERON_")} | dict(settings or {})
        self.name, self.log = name, folder / f"{name}.log"
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                list(command), cwd=PROJECT, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self.pid = self._child.pid

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._child.terminate()
        try:
            self._child.wait(60)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._child.poll() is None

    def tell(self, line: str) -> None:
        """Write a line to its input."""
        assert self._child.stdin is not None
        self._child.stdin.write(line + "\n")
        self._child.stdin.flush()

    def hear(self) -> str:
        """The next line of its output."""
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} has ended:\n{self.log.read_text(errors='replace')[-4000:]}")
        return line.strip()

    def cpu_s(self) -> float:
        """Seconds of CPU it has used so far, all its threads, those included that have ended; to the nanosecond."""
        return cpu_s(self.pid)

    def peak_rss_mib(self) -> float:
        """The most memory it has had."""
        return peak_rss_mib(self.pid)

    def family(self) -> list[int]:
        """Its process id, and those of the processes that it and they have started and that run; it is the first."""
        found = [self.pid]
        for pid in found:
            for thread in Path(f"/proc/{pid}/task").glob("*/children"):
                found += map(int, thread.read_text().split())
        return found


def cpu_s(pid: int) -> float:
    """As `Program.cpu_s` has it, of any process."""
    return time.clock_gettime(~pid << 3 | 2)  # the clock that clock_getcpuclockid(3) gives for a process


def peak_rss_mib(pid: int) -> float:
    """The most memory that a process has had."""
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024


def machine_cpu_s() -> float:
    """Seconds of CPU that all programs of this machine have used since its start, and other guests of its host in its place."""
    user, nice, system, _idle, _iowait, *rest = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
    return (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_redis(folder: Path) -> tuple[Program, Any, str]:
    """A redis-server with Cameron's recommended settings, a client of it, and its URL."""
    port = free_port()
    options = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--logfile", "redis.log")
    program = Program(folder, "redis", [find_server(), "--port", str(port), "--dir", str(folder), *options])
    url = f"redis://127.0.0.1:{port}/0"
    client = redis.Redis.from_url(url, decode_responses=True)
    await_ready(program, lambda: client.ping(), redis.RedisError)
    return program, client, url


def start_service(folder: Path) -> tuple[Program, int]:
    """The service that answers at once, and its port."""
    program = Program(folder, "service", [sys.executable, str(HERE / "static_service.py")])
    return program, int(program.hear())


def start_node(
    folder: Path, redis_url: str, start_url: str, settings: Mapping[str, str], profile: Path | None, core: int | None = None
) -> tuple[Program, int]:
    """`cameron serve` and its port; with `profile` under the sampler, which writes there; kept to one `core` where given."""
    port = free_port()
    definitions = folder / "processes.config"
    definitions.write_text(f'{{processes, [{{foo, {{start_activity_url, "{start_url}"}}}}]}}.\n')
    ours = {"CAMERON_WEB_PORT": str(port), "CAMERON_REDIS_URL": redis_url, "CAMERON_PROCESSES_FILE": str(definitions)}
    sampled = [sys.executable, str(HERE / "sampled_node.py"), str(profile)]
    command = sampled if profile else [sys.executable, "-m", "cameron"]
    if core is not None:
        command = ["taskset", "--cpu-list", str(core), *command]
    program = Program(folder, "node", [*command, "serve", "--env", "test"], {**ours, **settings})
    opener = build_opener(ProxyHandler({}))
    await_ready(program, lambda: opener.open(f"http://127.0.0.1:{port}/status", timeout=5).read(), URLError)
    return program, port


def await_ready(program: Program, ask: Any, refused: type[Exception]) -> None:
    """Ask until there is an answer; a program that ends meanwhile, or does not answer in time, raises."""
    until_s = time.monotonic() + READY_S
    while program.running and time.monotonic() < until_s:
        try:
            ask()
        except (refused, OSError):
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{program.name} does not answer:\n{program.log.read_text(errors='replace')[-4000:]}")
