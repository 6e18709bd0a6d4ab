"""`cameron serve`: run a node; `cameron server` and `cameron worker`: run a half of one."""

import os

import typer

from cameron.cli.options import Environment


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
    raise typer.Exit(run_node(config, Roles(serves, runs)))
