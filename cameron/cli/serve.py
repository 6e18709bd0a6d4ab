"""`cameron serve`: run a node; `cameron server` and `cameron worker`: run a half of one."""

import os
import threading

import typer

from cameron.cli.options import Environment

END_S = 3.0  # of a node that has stopped


def serve(env: Environment = "development") -> None:
    """Run a node: the API, and the jobs. Ends orderly on Ctrl-C or SIGTERM."""
    _run(env, serves=True, runs=True)


def server(env: Environment = "development") -> None:
    """Run the API alone: the jobs wait for a worker. Ends orderly on Ctrl-C or SIGTERM."""
    _run(env, serves=True, runs=False)


def worker(env: Environment = "development") -> None:
    """Run jobs, without the API. Ends orderly on Ctrl-C or SIGTERM."""
    _run(env, serves=False, runs=True)


def _run(env: str, *, serves: bool, runs: bool) -> None:
    from cameron import config as configuration

    config = configuration.load(env, os.environ)
    from cameron import log
    from cameron.tree import Roles
    from cameron.tree import serve as run_node

    log.configure(config.log, config.environment)
    status = run_node(config, Roles(serves, runs))
    _end_soon(status)
    raise typer.Exit(status)


def _end_soon(status: int) -> None:
    """Python ends as it does, but waits no longer than END_S for what activities have left behind: threads, functions called at exit."""
    end = threading.Timer(END_S, os._exit, (status,))
    end.daemon = True
    end.start()
