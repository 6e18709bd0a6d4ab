"""The definitions file in Erlang terms: `{processes, [{foo, {start_activity_url, "http://..."}}, ...]}.`"""

from pathlib import Path

from cameron.core.process import Process
from cameron.definitions.cameron import CameronDialect
from cameron.definitions.erlang import Atom, Term, Tuple, read_terms
from cameron.errors import ConfigError

LAYOUT = '{processes, [{foo, {start_activity_url, "http://localhost:9292/foo/v0.0.1/start"}}]}.'


def read_config_file(file: Path, dialect: CameronDialect) -> list[Process]:
    """The processes of the file, in its order. Raises ConfigError with file, line and column."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror or error}: give the definitions file by the setting processes.file") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not UTF-8 at byte {error.start}") from None
    processes: dict[str, Process] = {}
    for term in read_terms(text, str(file)):
        for entry in _entries(term, file):
            process = _process(entry, file, dialect)
            if process.name in processes:
                raise ConfigError(f"{_at(entry, file)}: a second process named {process.name!r}; names must differ")
            processes[process.name] = process
    return list(processes.values())


def _at(term: Term, file: Path) -> str:
    return f"{file}:{term.line}:{term.column}" if isinstance(term, Tuple) else str(file)


def _entries(term: Term, file: Path) -> list[Term]:
    if isinstance(term, Tuple) and len(term) == 2 and term[0] == "processes" and isinstance(term[1], list):
        return term[1]
    raise ConfigError(f"{_at(term, file)}: expected the layout {LAYOUT}")


def _process(entry: Term, file: Path, dialect: CameronDialect) -> Process:
    match entry:
        case Tuple((Atom() as name, Tuple((Atom("start_activity_url"), str() as url)))):
            return dialect.process(str(name), url, _at(entry, file))
    raise ConfigError(f'{_at(entry, file)}: expected a process like {{foo, {{start_activity_url, "http://..."}}}}')
