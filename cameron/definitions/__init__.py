"""The dialects: one file each, found here by name. `load` reads a definitions file into processes."""

from collections.abc import Mapping
from pathlib import Path

from cameron.core.process import Process
from cameron.core.strict_json import parse
from cameron.definitions.cameron import CameronDialect
from cameron.definitions.config_file import read_config_file
from cameron.definitions.dialect import Dialect, JobRequest, Writes
from cameron.definitions.settings import Settings

__all__ = ["Dialect", "JobRequest", "Settings", "Writes", "dialects", "load", "read_document"]


def dialects(settings: Settings) -> Mapping[str, Dialect]:
    """Every dialect by its name."""
    known: tuple[Dialect, ...] = (CameronDialect(settings),)
    return {dialect.name: dialect for dialect in known}


def load(file: Path, settings: Settings | None = None) -> list[Process]:
    """The processes of a definitions file, in its order. Raises ConfigError with file, line and column."""
    return read_config_file(file, CameronDialect(settings or Settings()))


def read_document(document: str, settings: Settings) -> Process:
    """The process of a stored definition, whatever its dialect."""
    return dialects(settings)[str(parse(document.encode())["dialect"])].read_process(document)
