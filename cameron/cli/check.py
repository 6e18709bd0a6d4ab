"""`cameron check`: is what is configured and defined fit to be run."""

import os
import sys
from pathlib import Path
from typing import Any

import typer

from cameron.cli.options import Environment
from cameron.errors import ConfigError


def check(env: Environment = "development") -> None:
    """Read the configuration and the definitions; list the processes, or tell the first problem."""
    from cameron import config as configuration
    from cameron import definitions

    config = configuration.load(env, os.environ)
    try:
        processes = definitions.load(config.processes.file)
    except ConfigError as error:
        print(f"cameron: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    _print(config.processes.file, processes)


def _print(file: Path, processes: list[Any]) -> None:
    from cameron.cli.screen import put, table
    from cameron.definitions.options import describe

    rows = ([process.name, process.dialect, process.start_url, "; ".join(describe(process))] for process in processes)
    put(table(("process", "dialect", "start url", "options"), rows))
    print(f"{file}: {len(processes)} process{'' if len(processes) == 1 else 'es'}, no problems")
