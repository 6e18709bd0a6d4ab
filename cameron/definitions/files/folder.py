"""The folder of definitions: `<folder>/<dialect>/*.json`, `.yaml` or `.yml`, one process a file.

A file that cannot be used is a problem, and takes no other down. Of several versions of one name the highest is taken.
"""

import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, runtime_checkable

from cameron.core.process import Process
from cameron.definitions import schema
from cameron.definitions.files.document import read_json, read_yaml
from cameron.definitions.hint import nearest
from cameron.definitions.schema import Fault
from cameron.errors import ConfigError

MAX_BYTES: Final = 1 << 20  # of one file
FAULTS_MAX: Final = 10  # of one file that are told
READERS: Final[Mapping[str, Callable[[str, str], Any]]] = {".json": read_json, ".yaml": read_yaml, ".yml": read_yaml}


@runtime_checkable
class ReadsFiles(Protocol):
    """A dialect with definition files."""

    def from_file(self, document: dict[str, Any], where: str) -> Process:
        """The process of a document that fits the dialect's schema. Raises ConfigError, which begins with `where`."""


@runtime_checkable
class FindsFlaws(Protocol):
    """A dialect that knows of a document what its schema cannot say."""

    def flaws(self, document: Mapping[str, Any]) -> list[Fault]:
        """All that is wrong besides, whether the document, an object, fits the schema or not."""


class Placed(NamedTuple):
    """A process and where it is defined."""

    process: Process
    where: str


class Found(NamedTuple):
    """What a folder defines; a problem begins with the file, and then has `:line:column: ` or `: $.path: ` where that is known."""

    processes: list[Placed]
    problems: list[str]


class _Versioned(NamedTuple):
    process: Process
    version: int
    dialect: str
    file: Path


def read_folder(folder: Path, dialects: Mapping[str, object]) -> Found:
    """All that is defined below the folder in these dialects, of which some may have no files. Without a folder, nothing is."""
    problems: list[str] = []
    read: list[_Versioned] = []
    for name in _subfolders(folder, dialects, problems):
        for file in _files(folder / name, problems):
            try:
                read.extend(_read(file, name, dialects[name], problems))
            except ConfigError as error:
                problems.append(str(error))
    return Found(_highest(read, problems), problems)


# Which files there are


def _entries(folder: Path, problems: list[str]) -> list[Path]:
    """What is in the folder, hidden files and editors' leftovers apart, by name."""
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith((".", "#")))
    except OSError as error:
        problems.append(f"{folder}: {error.strerror}")
        return []


def _subfolders(folder: Path, dialects: Mapping[str, object], problems: list[str]) -> Iterator[str]:
    if not folder.exists():
        return
    for entry in _entries(folder, problems):
        if not entry.is_dir():
            if entry.suffix.lower() in READERS:
                problems.append(f"{entry}: lies in no dialect's folder: move it to {' or '.join(f'{name}/' for name in dialects)}")
        elif entry.name not in dialects:
            known = ", ".join(dialects)
            problems.append(f"{entry}: there is no dialect {entry.name!r}{nearest(entry.name, dialects)}: the dialects are {known}")
        else:
            yield entry.name


def _files(folder: Path, problems: list[str]) -> list[Path]:
    return [entry for entry in _entries(folder, problems) if entry.suffix.lower() in READERS]


# One file


def _read(file: Path, name: str, dialect: object, problems: list[str]) -> Iterator[_Versioned]:
    """The one process of the file, where it fits the schema. Raises ConfigError for what is wrong with the file as a whole."""
    if not isinstance(dialect, ReadsFiles):
        told = f"definitions of the dialect {name!r} are not read from files: register them: curl -d @FILE URL/s, or URL/w"
        raise ConfigError(f"{file}: {told}")
    document = READERS[file.suffix.lower()](_text(file), str(file))
    if faults := _faults(name, dialect, document):
        problems.extend(f"{file}: {fault}" for fault in faults[:FAULTS_MAX])
        if len(faults) > FAULTS_MAX:
            problems.append(f"{file}: and more")
        return
    yield _Versioned(_process(document, dialect, str(file)), document.get("version", 1), name, file)


def _faults(name: str, dialect: object, document: object) -> list[Fault]:
    """By the schema, and besides; of one place only what the schema says."""
    found = schema.faults(name, document)
    if not (isinstance(dialect, FindsFlaws) and isinstance(document, dict)):
        return found
    places = {fault.path for fault in found}
    return found + [flaw for flaw in dialect.flaws(document) if flaw.path not in places]


def _process(document: dict[str, Any], dialect: ReadsFiles, where: str) -> Process:
    try:
        return dialect.from_file(document, where)
    except ConfigError:
        raise
    except Exception as error:  # no definition, whatever it holds, may keep the others from being read
        raise ConfigError(f"{where}: cannot be used: {type(error).__name__}: {error}") from error


def _text(file: Path) -> str:
    try:
        if not stat.S_ISREG(file.stat().st_mode):  # what a pipe or a device holds may never end
            raise ConfigError(f"{file}: is no file: rename or remove it")
        with file.open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(f"{file}: a link to what is not there") from None
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from None
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"{file}: has more than {MAX_BYTES} bytes: a definition may have {MAX_BYTES} at most")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not UTF-8 at byte {error.start}") from None


# One process a name


def _highest(read: list[_Versioned], problems: list[str]) -> list[Placed]:
    chosen: dict[str, _Versioned] = {}
    seen: dict[tuple[str, int], _Versioned] = {}
    for found in read:
        name = found.process.name
        first = chosen.setdefault(name, found)
        same = seen.setdefault((name, found.version), found)
        if first.dialect != found.dialect:
            problems.append(f"{found.file}: a second process named {name!r}, which {first.file} defines: names must differ")
        elif same is not found:
            problems.append(f"{found.file}: a second version {found.version} of {name!r}, beside {same.file}: give it another version")
        elif found.version > first.version:
            chosen[name] = found
    return [Placed(found.process, str(found.file)) for found in chosen.values()]
