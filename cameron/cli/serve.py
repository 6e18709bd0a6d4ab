"""`cameron serve`: run a node."""

import os

import typer

from cameron.cli.options import Environment


def serve(env: Environment = "development") -> None:
    """Run a node: the API, and the jobs. Ends orderly on Ctrl-C or SIGTERM."""
    from cameron import config as configuration

    config = configuration.load(env, os.environ)
    from cameron import log
    from cameron.tree import serve as run_node

    log.configure(config.log, config.environment)
    raise typer.Exit(run_node(config))
