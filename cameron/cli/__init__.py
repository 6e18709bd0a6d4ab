"""The command line's table of contents. Each command imports what it needs when it runs, so that `cameron --help` is quick.

Exit statuses: 0 well, 1 no (an error, a job that failed, a node that isn't well, definitions with problems), 2 used wrongly (a setting,
an option, what the server refuses with a 400), 130 Ctrl-C.
"""

import os
import sys
from typing import Annotated

import typer

from cameron.cli import check, dead_letter, events, health, job, jobs, nodes, serve, start, tree
from cameron.errors import CameronError, ConfigError, WrongUse

app = typer.Typer(
    help="A process engine: HTTP in, activities called, every step in readable Redis keys.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

for command in (
    serve.serve,
    serve.server,
    serve.worker,
    check.check,
    start.start,
    job.job,
    job.explain,
    events.events,
    job.cancel,
    job.retry,
    jobs.jobs,
    dead_letter.dead,
    nodes.nodes,
    nodes.drain,
    tree.tree,
    health.health,
):
    app.command()(command)


def main() -> None:
    """The `cameron` command: a person's mistakes are told in one line, without a traceback."""
    try:
        app(prog_name="cameron")
    except CameronError as error:
        print(f"cameron: {error}", file=sys.stderr)
        sys.exit(2 if _is_misuse(error) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # `cameron job ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _is_misuse(error: CameronError) -> bool:
    from cameron.client import RequestFailed

    return isinstance(error, ConfigError | WrongUse) or (isinstance(error, RequestFailed) and error.status == 400)


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
