"""`cameron check`: is what is configured and defined fit to be run."""

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

from cameron.cli.options import Environment
from cameron.errors import ConfigError

if TYPE_CHECKING:
    from cameron.config import Config
    from cameron.definitions import Loaded


def check(env: Environment = "development") -> None:
    """Read the configuration, all definitions in files and the package of Python activities; list the processes, and the problems.

    Each has its file and place. Notes tell what this environment does not allow to a definition (programs, variables in templates, Python
    without a package), and settings that may be slips. The package is imported in a process of its own, whatever becomes of that.
    """
    from cameron import config as configuration
    from cameron.cli.notes import notes
    from cameron.cli.python_check import check_python

    config = configuration.load(env, os.environ)
    loaded = _load(config)
    _print_processes(loaded)
    sys.stdout.flush()
    python = check_python(loaded, config)
    noted, problems = [*notes(loaded, config), *python.notes], [*loaded.problems, *python.problems]
    _print_lines([*noted, *problems])
    counts = [_counted(len(loaded.processes), "process", "processes")]
    if python.activities is not None:
        counts.append(_counted(python.activities, "Python activity", "Python activities"))
    counts.append(_counted(len(problems), "problem", "problems"))
    print(", ".join([*counts, _counted(len(noted), "note", "notes")] if noted else counts))
    if problems:
        raise typer.Exit(1)


def _load(config: "Config") -> "Loaded":
    """All that can be read: a `.config` file that stops a node's start is a problem like the others here."""
    from cameron import definitions
    from cameron.tree import settings_of

    settings, folder = settings_of(config, os.environ), config.definitions.dir
    try:
        return definitions.load(config.processes_file, settings, folder)
    except ConfigError as error:
        loaded = definitions.load_folder(folder, settings)
        return loaded._replace(problems=[str(error), *loaded.problems])


def _print_processes(loaded: "Loaded") -> None:
    from cameron.cli.screen import put, table
    from cameron.definitions.options import describe

    rows = (
        [process.name, process.dialect, process.start_target, "; ".join(describe(process)), loaded.places[process.name]]
        for process in loaded.processes
    )
    put(table(("process", "dialect", "starts with", "options", "defined in"), rows))


def _print_lines(lines: Iterable[str]) -> None:
    """Each begins with its place: editors jump there."""
    from cameron.cli.screen import printable

    sys.stdout.flush()
    for line in lines:
        print(printable(line), file=sys.stderr)
    sys.stderr.flush()


def _counted(count: int, one: str, several: str) -> str:
    return f"{count or 'no'} {one if count == 1 else several}"
