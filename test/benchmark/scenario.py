"""What the scenarios of scale share: a node with settings and definitions of theirs, jobs started on it, and what is told in the end.

Each scenario is a program that prints a few lines, a figure with its aim and whether that holds, and appends them to var/bench.jsonl.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

import redis
from programs import HERE, PROJECT, Program, await_ready, free_port
from report import append

from cameron.store.embedded import find_server

RESULTS = PROJECT / "var" / "bench.jsonl"
POLL_S = 0.02
OPEN = build_opener(ProxyHandler({})).open
BATCH = 500
BATCHES_AT_ONCE = 4  # each waits for all that are before it, and no longer than the node lets it
CAMERON = (sys.executable, "-m", "cameron")
NOTHING: Mapping[str, Any] = {}


class Start(NamedTuple):
    """A start of many jobs: seconds on the clock, and of CPU by program."""

    seconds: float
    clients_cpu_s: float


class Told:
    """The figures of one scenario, as they come."""

    def __init__(self, scenario: str, options: Mapping[str, Any]) -> None:
        self._figures: dict[str, Any] = {"scenario": scenario, "options": dict(options)}
        print(f"{scenario}: {', '.join(f'{name} {value}' for name, value in options.items())}", flush=True)

    def tell(self, name: str, value: float, unit: str, most: float | None = None, least: float | None = None) -> None:
        """One figure, and its aim where there is one."""
        self._figures[name] = round(value, 4)
        aim = ""
        if most is not None:
            aim = f"   aim < {most:g} {unit}: {'holds' if value < most else 'MISSED'}"
        if least is not None:
            aim = f"   aim >= {least:g} {unit}: {'holds' if value >= least else 'MISSED'}"
        print(f"  {name:58} {value:12,.3f} {unit:12}{aim}", flush=True)

    def note(self, name: str, value: Any) -> None:
        """Something that is no figure."""
        self._figures[name] = value
        print(f"  {name:58} {value}", flush=True)

    def keep(self) -> None:
        """Append them all to the results."""
        append(RESULTS, self._figures)


def write_processes(folder: Path, starts: Mapping[str, str]) -> None:
    """The main dialect's definitions: the URL that each process starts at."""
    each = ", ".join(f'{{{name}, {{start_activity_url, "{url}"}}}}' for name, url in starts.items())
    (folder / "processes.config").write_text(f"{{processes, [{each}]}}.\n")


def write_workflows(folder: Path, tasks: Mapping[str, Mapping[str, Any]]) -> None:
    """Workflows of Mender's dialect, of one task each: a process that begins with something else than a call."""
    into = folder / "definitions" / "mender"
    into.mkdir(parents=True, exist_ok=True)
    for name, task in tasks.items():
        (into / f"{name}.json").write_text(json.dumps({"name": name, "version": 1, "tasks": [{"name": "only", **task}]}))


def start_cameron(
    folder: Path,
    redis_url: str,
    settings: Mapping[str, str] = NOTHING,
    role: str = "serve",
    name: str = "node",
    launch: Sequence[str] = CAMERON,
) -> tuple[Program, int]:
    """A node with the definitions of that folder, and its port, when it answers; what is `launch`ed takes `cameron`'s arguments."""
    port = free_port()
    (folder / "definitions").mkdir(exist_ok=True)
    if not (folder / "processes.config").exists():
        write_processes(folder, {"foo": "http://127.0.0.1:9/start"})
    ours = {
        "CAMERON_WEB_PORT": str(port),
        "CAMERON_REDIS_URL": redis_url,
        "CAMERON_PROCESSES_FILE": str(folder / "processes.config"),
        "CAMERON_DEFINITIONS_DIR": str(folder / "definitions"),
        "CAMERON_PYTHON_ACTIVITIES_PACKAGE": "",
        "CAMERON_LOG_LEVEL": "warning",
    }
    program = Program(folder, name, [*launch, role, "--env", "test"], {**ours, **settings})
    if role != "worker":
        await_ready(program, lambda: OPEN(f"http://127.0.0.1:{port}/status", timeout=5).read(), URLError)
    return program, port


def start_store(folder: Path, options: Sequence[str] = ()) -> tuple[Program, Any, str]:
    """As `start_redis`, with further options of redis-server."""
    port = free_port()
    ours = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--logfile", "redis.log")
    program = Program(folder, "redis", [find_server(), "--port", str(port), "--dir", str(folder), *ours, *options])
    url = f"redis://127.0.0.1:{port}/0"
    client: Any = redis.Redis.from_url(url, decode_responses=True, socket_timeout=60)
    await_ready(program, client.ping, redis.RedisError)
    return program, client, url


def takes_batches(port: int, path: str) -> bool:
    """Whether the node takes an empty array, or refuses it in words that know arrays."""
    try:
        with OPEN(Request(f"http://127.0.0.1:{port}{path}", b"[]", {"Content-Type": "application/json"}), timeout=10) as answer:
            return bool(answer.status < 300)
    except URLError as error:
        read = getattr(error, "read", bytes)
        return b"body_not_object" not in read()


def start_jobs(
    folder: Path, port: int, process: str, jobs: int, body: str = "{}", connections: int = 16, batch: int | None = None
) -> Start:
    """Start so many jobs; in batches where the node takes them and `batch` does not say otherwise."""
    path = f"/api/process/{process}/start"
    if batch is None:
        batch = BATCH if takes_batches(port, path) else 0
    at_once = min(connections, BATCHES_AT_ONCE) if batch else connections
    command = [sys.executable, str(HERE / "starts.py"), str(port), path, str(jobs), str(at_once), str(batch), body]
    with Program(folder, "starts", command) as clients:
        clients.hear()
        clients.tell("go")
        told = json.loads(clients.hear())
    return Start(told["seconds"], told["cpu_s"])


def wait_until(what: Callable[[], bool], name: str, at_most_s: float, poll_s: float = POLL_S, needs: Sequence[Program] = ()) -> float:
    """Seconds until it is so; raises where it is not in time, or one of the programs that it `needs` has ended."""
    began_s = time.monotonic()
    while not what():
        for program in needs:
            if not program.running:
                raise RuntimeError(f"{program.name} has ended before {name}:\n{program.log.read_text(errors='replace')[-4000:]}")
        if time.monotonic() - began_s > at_most_s:
            raise RuntimeError(f"not within {at_most_s:g} s: {name}")
        time.sleep(poll_s)
    return time.monotonic() - began_s


def get(port: int, path: str) -> Any:
    """A document of the API."""
    with OPEN(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return json.loads(answer.read())


def post(port: int, path: str, body: bytes = b"{}") -> Any:
    """What a POST is answered."""
    with OPEN(Request(f"http://127.0.0.1:{port}{path}", body, {"Content-Type": "application/json"}), timeout=60) as answer:
        return json.loads(answer.read() or b"null")


def status_number(program: Program, name: str) -> int:
    """A number of /proc/PID/status: VmRSS and VmHWM in KiB, Threads."""
    return int(Path(f"/proc/{program.pid}/status").read_text().partition(f"{name}:")[2].split()[0])


def rss_mib(program: Program) -> float:
    """The memory that it has now."""
    return status_number(program, "VmRSS") / 1024


def raise_descriptors() -> int:
    """As many open files for the programs that are started from here as this system allows; how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
