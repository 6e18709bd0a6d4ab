"""`make demo`: Cameron at work, from nothing to a result, in one command.

Starts the sample service and a node with a Redis of its own, starts a foo job, shows its tasks as they happen, its result and its hash,
and stops everything. Free ports and a temporary folder, so it neither needs nor disturbs anything else on the machine. Exit statuses: 0 all
well, 1 something was not as it should be (with the end of the programs' logs), 128 + n after signal n.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any

import redis
from rich.console import Console
from rich.text import Text

from cameron.client import ENDED, Client
from cameron.errors import CameronError
from cameron.store import keys

PROJECT = Path(__file__).resolve().parent.parent
REQUEST = {"key": "(id,007)", "data": "be careful with that data", "requestor": "bob_the_thin"}
HASH_LINES = 86  # 8 fields of the job and 5 of each of its 7 tasks, each a line with its name and one with its value
START_S = 60.0  # for a program to be ready, however busy the machine is
JOB_S = 60.0
STOP_S = 60.0  # the node itself gives up orderly ways after 50 s
POLL_S = 0.02
TASKS_POLL_S = 0.001  # a foo job takes a few hundredths of a second
FIELDS = (  # in the order of the README; a finished job has no others
    "key", "data", "requestor", "status.current", "status.scheduled.time", "status.running.time", "status.done.time", "tasks",
    "output.data", "output.next_activities",
)  # fmt: skip
COLOURS = {"running": "yellow", "done": "green", "error": "red"}

console = Console(highlight=False, soft_wrap=True, emoji=False)  # ":key:" is no emoji here
signalled: list[int] = []


class DemoFailed(Exception):
    """Something was not as it should be; the text says what."""


class Interrupted(Exception):
    """A signal asks us to stop."""


def note(number: int, _frame: FrameType | None) -> None:
    """Only note the signal: an exception from here could come between a program's start and our knowing of it."""
    signalled.append(number)


def pause(seconds: float = POLL_S) -> None:
    """A moment's wait. Raises Interrupted."""
    time.sleep(seconds)
    if signalled:
        raise Interrupted


class Program:
    """A program with its output in a file; in a process group of its own, so that Ctrl-C reaches the demo alone."""

    def __init__(self, name: str, command: list[str], folder: Path, variables: dict[str, str]) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        # What the person has set for other nodes is not for this one.
        environ = {key: value for key, value in os.environ.items() if not key.startswith(("CAMERON_", "FOO_WORKFLOW_"))}
        with self.log.open("wb") as log:
            self._child = subprocess.Popen(
                command,
                cwd=PROJECT,
                env={**environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
            )

    def printed(self, pattern: str) -> str:
        """Wait until the output has the pattern; its first group. Raises DemoFailed or Interrupted."""
        until_s = time.monotonic() + START_S
        while not (found := re.search(pattern, self.output())):
            if self._child.poll() is not None:
                raise DemoFailed(f"{self.name} ended with status {self._child.returncode} instead of starting")
            if time.monotonic() > until_s:
                raise DemoFailed(f"{self.name} was not ready within {START_S:g} s")
            pause()
        return found[1]

    def output(self) -> str:
        """All that it has printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """SIGTERM, and SIGKILL where that does not end it in time."""
        if self._child.poll() is None:
            self._child.terminate()
        try:
            self._child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


def main() -> int:
    """The demo, between the starting and the stopping of what it needs; the exit status."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, note)
    status = 0
    programs: list[Program] = []
    with tempfile.TemporaryDirectory(prefix="cameron-demo-") as name:
        with ExitStack() as stopping:
            try:
                run(Path(name), programs, stopping)
            except (DemoFailed, CameronError, redis.RedisError) as failure:
                tell_failure(failure, programs)
                status = 1
            except Interrupted:
                status = 128 + signalled[0]
            step("Stopping what was started")
        say("stopped, and the temporary folder is removed" if status else "all stopped: the node, its Redis, the sample service")
    return status


def run(folder: Path, programs: list[Program], stopping: ExitStack) -> None:
    """All that there is to see. `programs` and `stopping` are told of each program as soon as it runs."""
    console.print("[bold]Cameron[/]: a client starts a job, activities are called over HTTP, every step is in Redis.")

    step("The sample service, test/foo_workflow: seven activities that are POSTed JSON and answer JSON")
    service = Program("foo", [str(PROJECT / "test/foo_workflow/bin/run")], folder, {"FOO_WORKFLOW_PORT": "0"})
    programs.append(service)
    stopping.callback(service.stop)
    foo_url = service.printed(r"foo listens on (\S+)")
    say(foo_url)

    step("A Cameron node with a Redis of its own; of the process foo it knows the URL of the first activity")
    node = start_node(folder, foo_url)
    programs.append(node)
    stopping.callback(stop_redis_left_behind, folder)
    stopping.callback(node.stop)
    redis_port = int(node.printed(r"redis at port (\d+)"))
    url = f"http://localhost:{node.printed(r'listening on http://127.0.0.1:([0-9]+)')}"
    say(f"{url}, redis-cli -p {redis_port}")

    with Client(url) as client:
        step("A client starts a job: POST /api/process/foo/start")
        job = client.start("foo", **REQUEST)
        say(job.payload)
        say("201 Created, Location:")
        say(job.location)
        step("Its tasks, as they happen: the reply of start names act_1 to act_5, that of act_5 one more")
        result = show_tasks(client, job.location)
    step("The result: GET that Location")
    show_result(result)
    show_hash(redis_port, keys.job("foo", REQUEST["key"], result["uuid"]))


def start_node(folder: Path, foo_url: str) -> Program:
    """A node for development, on free ports; what the person's own configuration says of Redis is not for it."""
    definitions = folder / "processes.config"
    definitions.write_text(f'{{processes, [{{foo, {{start_activity_url, "{foo_url}/start"}}}}]}}.\n', encoding="utf-8")
    settings = {
        "PROCESSES_FILE": str(definitions), "REDIS_URL": "", "REDIS_DIR": str(folder / "redis"), "REDIS_PORT": "0",
        "WEB_HOST": "127.0.0.1", "WEB_PORT": "0", "HTTP_PROXY": "", "LOG_LEVEL": "info", "LOG_FORMAT": "console", "LOG_SYSLOG": "",
    }  # fmt: skip
    command = [sys.executable, "-m", "cameron", "serve", "--env", "development"]
    return Program("cameron", command, folder, {f"CAMERON_{key}": value for key, value in settings.items()})


def show_tasks(client: Client, location: str) -> dict[str, Any]:
    """A line for each change that is seen, until the job has ended; the job as it is then."""
    until_s = time.monotonic() + JOB_S
    seen: dict[str, str] = {}
    while True:
        job = client.job(location)
        for task in job["tasks"]:
            name, status, at = task["name"], task["status"]["current"], task["status"]["time"]
            if at and seen.get(name) != status:
                seen[name] = status
                console.print(Text.assemble(f"   {at.split(' ')[1]}  {name:<12} ", (status, COLOURS.get(status, ""))))
        current = job["status"]["current"]
        if current in ENDED:
            say(f"the job is {current}: {len(seen)} tasks")
            break
        if time.monotonic() > until_s:
            raise DemoFailed(f"the job was still {current} after {JOB_S:g} s")
        pause(TASKS_POLL_S)
    if current != "done" or set(seen.values()) != {"done"}:
        raise DemoFailed("not all of the job's tasks are done: their data (GET the Location) says why")
    return job


def show_result(result: dict[str, Any]) -> None:
    """As JSON, a field a line."""
    console.print_json(json.dumps(result), indent=2, ensure_ascii=False)


def show_hash(port: int, key: str) -> None:
    """The job's hash, numbered as redis-cli numbers it. Raises DemoFailed where it has not the documented number of lines."""
    step("The same in Redis, for people and for whatever else reads it")
    console.print(f'   redis-cli -p {port} hgetall "{key}"', markup=False)
    with redis.Redis("127.0.0.1", port, decode_responses=True, socket_timeout=START_S) as store:
        fields: Any = store.hgetall(key)
    lines = [text for field in in_order(fields) for text in (field, fields[field])]
    for number, text in enumerate(lines, 1):
        console.print(Text.assemble((f"{number:2}) ", "dim"), as_redis_cli(text)))
    say(f"{len(lines)} lines (sorted here; Redis keeps the fields of a hash in no order)")
    if len(lines) != HASH_LINES:
        raise DemoFailed(f"a finished foo job has {HASH_LINES} lines")


def in_order(fields: dict[str, str]) -> list[str]:
    """The names of the fields: the job's, then each task's in order of discovery; then any that should not be there."""
    owners = ["job", *(f"task.{name}" for name in fields.get("job.tasks", "").split(","))]
    known = [name for owner in owners for field in FIELDS if (name := f"{owner}.{field}") in fields]
    return [*known, *sorted(fields.keys() - set(known))]


def as_redis_cli(text: str) -> str:
    """In quotes, with quotes and backslashes escaped."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def stop_redis_left_behind(folder: Path) -> None:
    """End the node's Redis where the node could not do it; a node that stops in order leaves none."""
    try:
        port = json.loads((folder / "redis" / "server.json").read_text())["port"]
        with redis.Redis("127.0.0.1", port, decode_responses=True, socket_timeout=START_S) as store:
            config: Any = store.config_get("dir")
            if config["dir"] == os.path.realpath(folder / "redis"):
                store.shutdown(nosave=True)
    except (OSError, ValueError, KeyError, redis.RedisError):
        return  # it has never run, or is gone


def tell_failure(failure: Exception, programs: list[Program]) -> None:
    """What was wrong, and the end of what the programs have said."""
    console.print(f"\n[bold red]failed:[/] {Text(str(failure)).markup}")
    for program in programs:
        console.print(f"\nthe last lines of {program.name}:", markup=False)
        console.print("\n".join(program.output().splitlines()[-20:]) or "(none)", markup=False)


def step(text: str) -> None:
    """A heading."""
    console.print()
    console.print(Text(text, "bold cyan"))


def say(text: str) -> None:
    """A line below a heading."""
    console.print(Text(f"   {text}"))


if __name__ == "__main__":
    sys.exit(main())
