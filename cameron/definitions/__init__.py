"""The dialects: one file each, found here by name. `load` reads what is defined in files into processes."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from cameron.core.process import Process
from cameron.core.strict_json import parse
from cameron.definitions.cameron import CameronDialect
from cameron.definitions.dialect import Dialect, Given, JobRequest, Writes
from cameron.definitions.files.config_file import read_config_file
from cameron.definitions.files.folder import read_folder
from cameron.definitions.files.start_file import StartFile
from cameron.definitions.libero.dialect import LiberoDialect
from cameron.definitions.machinery.dialect import MachineryDialect
from cameron.definitions.mender.dialect import MenderDialect
from cameron.definitions.settings import Settings
from cameron.definitions.tickets import TicketDialect
from cameron.errors import ConfigError

__all__ = ["Dialect", "Given", "JobRequest", "Loaded", "Settings", "Writes", "dialects", "load", "load_folder", "read_document"]


class Loaded(NamedTuple):
    """What the files define, each name once. A problem is a text for a person that begins with its file."""

    processes: list[Process]
    problems: list[str]
    places: Mapping[str, str]  # by the names of the processes: the file that defines it


def dialects(settings: Settings) -> Mapping[str, Dialect]:
    """Every dialect by its name."""
    kinds = (CameronDialect, TicketDialect, LiberoDialect, MenderDialect, MachineryDialect)
    known: list[Dialect] = [kind(settings) for kind in kinds]
    return {dialect.name: dialect for dialect in known}


def load(file: Path | None, settings: Settings | None = None, folder: Path | None = None) -> Loaded:
    """The processes of the `.config` file, in its order, then those of the folder; None: there is no such one.

    Raises ConfigError with file, line and column where the file is at fault; what is in the folder is a problem at most.
    """
    configured = read_config_file(file, settings or Settings()) if file else []
    places = {process.name: str(file) for process in configured}
    defined = load_folder(folder, settings) if folder else Loaded([], [], {})
    problems = list(defined.problems)
    for process in defined.processes:
        if process.name in places:
            where, other = defined.places[process.name], places[process.name]
            problems.append(f"{where}: a second process named {process.name!r}, which {other} defines: names must differ")
    new = [process for process in defined.processes if process.name not in places]
    return Loaded(configured + new, problems, {**defined.places, **places})


def load_folder(folder: Path, settings: Settings | None = None) -> Loaded:
    """The processes of the folder alone, `<folder>/<dialect>/*.json` or YAML; a folder that is not there has none."""
    found = read_folder(folder, _file_readers(settings or Settings()))
    places = {placed.process.name: placed.where for placed in found.processes}
    return Loaded([placed.process for placed in found.processes], found.problems, places)


def _file_readers(settings: Settings) -> Mapping[str, object]:
    """By the names of the dialects, who reads their definition files: mostly the dialect itself."""
    starts = {
        "cameron": StartFile(CameronDialect(settings).process, "start_activity_url"),
        "tickets": StartFile(TicketDialect(settings).process, "start_point_url"),
    }
    return {**dialects(settings), **starts}


def read_document(document: str, settings: Settings) -> Process:
    """The process of a stored definition, whatever its dialect. Raises ConfigError where a later Cameron has stored it."""
    known, name = dialects(settings), str(parse(document.encode())["dialect"])
    if name not in known:
        raise ConfigError(f"a stored definition is of the dialect {name!r}, which is unknown here: upgrade this node")
    return known[name].read_process(document)
