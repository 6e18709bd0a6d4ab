"""The definitions file in Erlang terms: `{processes, [{foo, {start_activity_url, "http://..."}}, ...]}.`

A process with options is a list: `{foo, [{start_activity_url, "http://..."}, {max_jobs, 100}, ...]}`.
"""

from pathlib import Path

from cameron.core.process import Process
from cameron.definitions.cameron import CameronDialect
from cameron.definitions.erlang import Atom, Term, Tuple, read_terms
from cameron.definitions.options import Given, read_options, shown
from cameron.errors import ConfigError

URL = "start_activity_url"
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
    where = _at(entry, file)
    match entry:
        case Tuple((Atom() as name, Tuple((Atom("start_activity_url"), str() as url)))):
            return dialect.process(str(name), url, where)
        case Tuple((Atom() as name, list() as terms)):
            return _process_with_options(str(name), [_given(term, file) for term in terms], where, dialect)
    raise ConfigError(f'{where}: expected a process like {{foo, {{start_activity_url, "http://..."}}}}, or {{foo, [...]}} with options')


def _process_with_options(name: str, given: list[object], where: str, dialect: CameronDialect) -> Process:
    options = read_options(given, name, where, own=(URL,))
    if URL not in options:
        raise ConfigError(f'{where}: {name!r} has no {URL}: add {{{URL}, "http://..."}} to its list')
    url = options.pop(URL)
    at = next(option.where for option in given if isinstance(option, Given) and option.name == URL)
    if not isinstance(url, str):
        raise ConfigError(f'{at}: {URL} of {name!r} must be a string such as "http://...", not {shown(url)}')
    return dialect.process(name, url, at, options)


def _given(term: Term, file: Path) -> object:
    """A term as a plain value; a tuple of a name and a value is an option."""
    match term:
        case Atom("true") | Atom("false"):
            return term == "true"
        case Atom():
            return str(term)
        case list():
            return [_given(item, file) for item in term]
        case Tuple((Atom() as name, value)):
            return Given(str(name), _given(value, file), _at(term, file))
    return term
