"""`cameron nodes` and `cameron drain`: who runs the jobs, and how a node is relieved of them."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cameron.cli.options import LOCALLY, AsJson, Url, Watch
from cameron.errors import CameronError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from cameron.client import Client

POLL_S = 0.5


def nodes(url: Url = LOCALLY, watch: Watch = False, as_json: AsJson = False) -> None:
    """Show the nodes that share the work: jobs held, age of the lease, what runs and what waits for a free place, what is wrong."""
    from cameron.cli.screen import print_json, show
    from cameron.client import Client

    with Client(url) as client:
        if as_json:
            print_json(client.nodes())
        else:
            show(lambda: _view(client.nodes()), watch)


def _view(found: list[dict[str, Any]]) -> "RenderableType":
    from cameron.cli.screen import table

    columns = ("node", "state", "jobs", "lease", "processes", "running", "waiting", "trouble", "host", "pid", "since")
    return table(columns, map(_row, found))


def _row(node: dict[str, Any]) -> list[str]:
    return [
        node["node"],
        node["state"],
        str(node["jobs"]),
        _lease(node),
        ", ".join(f"{name} {held}" for name, held in node["processes"].items()),
        ", ".join(_runs(node, "running")),
        ", ".join([*(f"{host} {calls['waiting']}" for host, calls in node["calls"].items()), *_runs(node, "waiting")]),
        ", ".join(_trouble(node.get("python") or {})),
        str(node["host"]),
        str(node["pid"]),
        str(node["since"]),
    ]


def _runs(node: dict[str, Any], which: str) -> list[str]:
    """`commands 2`, `python 6`: what a node performs itself; nothing where it, or the node that answers, does not say."""
    return [f"{kind} {node[kind][which]}" for kind in ("commands", "python") if node.get(kind) and node[kind][which]]


def _trouble(python: dict[str, Any]) -> list[str]:
    """Of the package and of the threads of Python activities."""
    zombies, problems = python.get("zombies", 0), len(python.get("problems", ())) + python.get("more_problems", 0)
    return [f"{count} {one if count == 1 else one + 's'}" for count, one in ((zombies, "zombie"), (problems, "package problem")) if count]


def _lease(node: dict[str, Any]) -> str:
    """`2.1 of 10 s`; a dead node has none, and its jobs go to others."""
    if node["state"] == "dead":
        within_s = node["taken_over_within_s"]
        return "no node takes its jobs" if within_s is None else f"taken over within {within_s:g} s"
    if node["lease_age_s"] is None:  # of another version of the program
        return "unknown"
    return f"{node['lease_age_s']:.1f} of {node['lease_s']:g} s"


def drain(
    node: Annotated[str, typer.Argument(help="The node's name, see `cameron nodes`; without one, the node that answers at --url.")] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Let it run jobs again.")] = False,
    url: Url = LOCALLY,
) -> None:
    """Have a node finish its calls and hand its jobs to others, and wait until it has; it runs none until it is resumed or restarted."""
    from cameron.client import Client

    with Client(url) as client:
        name = node or _answering(client)
        client.drain(name, resume)
        if resume:
            print(f"{name} runs jobs again")
            return
        _wait(client, name)


def _answering(client: "Client") -> str:
    name = str(client.health()[1].get("node") or "")
    if not name:
        raise CameronError("the node that answers has no name yet: it is starting or stopping; try again, or name one")
    return name


def _wait(client: "Client", name: str) -> None:
    """Until the node holds no jobs, each change told. Raises CameronError where somebody resumes it, or it dies."""
    import time

    said, draining = "", False
    while True:
        match {node["node"]: node for node in client.nodes()}.get(name):
            case None:
                print(f"{name} has ended")
                return
            case {"state": "drained"}:
                print(f"{name} is drained: `cameron drain {name} --resume` lets it run jobs again")
                return
            case {"state": "dead"}:
                raise CameronError(f"{name} died before it was drained; the other nodes take its jobs over, see `cameron nodes`")
            case {"state": "running"} if draining:
                raise CameronError(f"{name} runs jobs again: somebody has resumed it")
            case {"state": state, "jobs": jobs}:
                draining = draining or state == "draining"  # it may not have heard of it yet
                line = f"{name} is draining, {jobs} job{'' if jobs == 1 else 's'} left"
                if line != said:
                    print(line, flush=True)
                    said = line
        time.sleep(POLL_S)
