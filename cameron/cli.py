"""The command line. Each command imports what it needs when it runs, so that `cameron --help` is quick.

Exit statuses: 0 well, 1 no (an error, a job that failed, definitions with problems), 2 used wrongly (a setting, an option), 130 Ctrl-C.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cameron.errors import CameronError, ConfigError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from cameron.client import Client
    from cameron.config import Config
    from cameron.tree_view import TreeView

app = typer.Typer(
    help="A process engine: HTTP in, activities called, every step in readable Redis keys.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Environment = Annotated[str, typer.Option("--env", "-e", help="development, test or production.")]
Url = Annotated[str, typer.Option("--url", envvar="CAMERON_URL", help="Where Cameron listens.")]
LOCALLY = "http://localhost:8080"
WATCH_S = 1.0


def main() -> None:
    """The `cameron` command: a person's mistakes are told in one line, without a traceback."""
    try:
        app(prog_name="cameron")
    except ConfigError as error:
        _fail(error, 2)
    except CameronError as error:
        _fail(error, 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # `cameron job ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _fail(error: CameronError, status: int) -> None:
    print(f"cameron: {error}", file=sys.stderr)
    sys.exit(status)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"cameron {version('cameron')}")
        except PackageNotFoundError:
            print("cameron (run from its sources, not installed)")
        raise typer.Exit


@app.callback()
def cameron(
    _version: Annotated[bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit.")] = False,
) -> None:
    """What stands before a command."""


@app.command()
def serve(env: Environment = "development") -> None:
    """Run a node: the API, and the jobs. Ends orderly on Ctrl-C or SIGTERM."""
    config = _load(env)
    from cameron import log
    from cameron.tree import serve as run_node

    log.configure(config.log, config.environment)
    raise typer.Exit(run_node(config))


@app.command()
def check(env: Environment = "development") -> None:
    """Read the configuration and the definitions; list the processes, or every problem."""
    try:
        config = _load(env)
        from cameron import definitions

        processes = definitions.load(config.processes.file)
    except ConfigError as error:
        _fail(error, 1)
    _print_processes(config.processes.file, processes)


def _load(env: str) -> "Config":
    from cameron import config

    return config.load(env, os.environ)


def _print_processes(file: Path, processes: list[Any]) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("process", "dialect", "start url", title=None, box=box.SIMPLE_HEAD)
    for process in processes:
        table.add_row(escape(process.name), escape(process.dialect), escape(process.start_url))
    console = Console(soft_wrap=not sys.stdout.isatty())
    console.print(table)
    console.print(f"{file}: {len(processes)} process{'' if len(processes) == 1 else 'es'}, no problems", markup=False, highlight=False)


@app.command()
def start(
    name: Annotated[str, typer.Argument(help="The process to start a job of.")],
    key: Annotated[str, typer.Option("--key", "-k", help="What the job is about, such as an order's number.")],
    data: Annotated[str, typer.Option("--data", "-d", help="JSON where it parses, else taken as text.")] = "",
    requestor: Annotated[str, typer.Option("--requestor", "-r", help="Who asks.")] = "",
    url: Url = LOCALLY,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show each task as it goes, and the result at the end.")] = False,
) -> None:
    """Start a job; prints its location, by which `cameron job` finds it."""
    from cameron.client import Client

    with Client(url) as client:
        job = client.start(name, key, _parsed(data), requestor)
        print(job.location, flush=True)
        if follow:
            raise typer.Exit(_follow(client, job.location))


@app.command()
def job(location: Annotated[str, typer.Argument(help="As `cameron start` printed it.")], url: Url = LOCALLY) -> None:
    """Print everything that has happened in a job, as JSON."""
    from cameron.client import Client

    with Client(url) as client:
        _print_json(client.job(location))


@app.command()
def tree(
    url: Url = LOCALLY,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again every second, until Ctrl-C.")] = False,
    limit: Annotated[int, typer.Option("--limit", help="How many runners to show; the rest is counted.", min=0, max=10_000)] = 10,
) -> None:
    """Show the supervision tree of a node: each actor's state, restarts, mailbox and work, and how it last crashed."""
    from rich.console import Console

    from cameron.client import Client
    from cameron.tree_view import TreeView

    console, view = Console(soft_wrap=not sys.stdout.isatty(), highlight=False), TreeView()
    with Client(url) as client:
        seen = view.render(client.tree(limit))
        if watch:
            _watch(console, view, seen, lambda: client.tree(limit))
        else:
            console.print(seen)


def _watch(console: "Console", view: "TreeView", seen: "RenderableType", look: Callable[[], dict[str, Any]]) -> None:
    """Show the tree anew every `WATCH_S` seconds. A node that does not answer for a while is what one may be watching for: go on."""
    import time

    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    with Live(seen, console=console, screen=console.is_terminal, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            time.sleep(WATCH_S)
            try:
                seen = shown = view.render(look())
            except CameronError as error:
                shown = Group(Text(f"{error}; as last seen:", style="red"), seen)
            live.update(shown, refresh=True)


def _parsed(data: str) -> Any:
    import json

    try:
        return json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return data


def _no_constant(name: str) -> Any:
    """NaN and Infinity are no JSON, whatever Python's parser says: they stay text."""
    raise ValueError(name)


def _follow(client: "Client", location: str) -> int:
    """Print each change of a task's status until the job has ended; the exit status, 1 where a task or the job failed."""
    seen: dict[str, str] = {}
    state: dict[str, Any] = {}
    for state in client.follow(location):
        for task in state["tasks"]:
            status = task["status"]["current"]
            if seen.get(task["name"]) != status:
                seen[task["name"]] = status
                print(f"{_time_of(task)}  {task['name']}  {status}", flush=True)
    _print_json(state)
    return 0 if state["status"]["current"] == "done" and "error" not in seen.values() else 1


def _time_of(task: dict[str, Any]) -> str:
    """The time of day of a task's last change, as the server wrote it; a task that has not begun has none."""
    return str(task["status"].get("time") or "--:--:--").split(" ")[-1]


def _print_json(value: Any) -> None:
    """Pretty, and coloured where a person looks; plain JSON in a pipe."""
    import json

    text = json.dumps(value, indent=2, ensure_ascii=False)
    if sys.stdout.isatty():
        from rich import print_json

        print_json(text)
    else:
        print(text)
