"""The definitions file in Erlang terms: processes and workflows, in tuples as many as one likes.

    {processes, [{foo, {start_activity_url, "http://..."}}, ...]}.
    {workflows, [{workflow, {name, bar}, {start_point_url, "http://..."}}, ...]}.

One with options is a list: `{foo, [{start_activity_url, "http://..."}, {max_jobs, 100}, ...]}`, `{workflow, [{name, bar}, ...]}`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cameron.core.process import Process, checked_process_name
from cameron.definitions.cameron import CameronDialect
from cameron.definitions.files.erlang import Atom, Term, Tuple, read_terms
from cameron.definitions.options import Given, read_options, shown
from cameron.definitions.registrar import is_like_an_id
from cameron.definitions.settings import Settings
from cameron.definitions.tickets import TicketDialect
from cameron.errors import ConfigError

URL = "start_activity_url"
START_POINT = "start_point_url"
PROCESSES = '{processes, [{foo, {start_activity_url, "http://localhost:9292/foo/v0.0.1/start"}}]}.'
WORKFLOWS = '{workflows, [{workflow, {name, bar}, {start_point_url, "http://foo.com/workflow/bar/start/{key}"}}]}.'

Reader = Callable[[Term, Path, Settings], Process]


def read_config_file(file: Path, settings: Settings) -> list[Process]:
    """The processes of the file, in its order. Raises ConfigError with file, line and column."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        do = "start in the folder that has priv/, or give the definitions file by the setting processes.file"
        raise ConfigError(f"{file}: {error.strerror or error}: {do}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not UTF-8 at byte {error.start}") from None
    processes: dict[str, Process] = {}
    for term in read_terms(text, str(file)):
        read, entries, noun = _section(term, file)
        for entry in entries:
            process = read(entry, file, settings)
            if is_like_an_id(process.name):
                told = "32 hex digits are the id of something registered: take another name"
                raise ConfigError(f"{_at(entry, file)}: {noun} {process.name!r}: {told}")
            if process.name in processes:
                name = process.name.rpartition(":")[2]
                raise ConfigError(f"{_at(entry, file)}: a second {noun} named {name!r}; names must differ")
            processes[process.name] = process
    return list(processes.values())


def _section(term: Term, file: Path) -> tuple[Reader, list[Term], str]:
    """How the entries of a term are read, the entries, and what one of them is called."""
    match term:
        case Tuple((Atom("processes"), list() as entries)):
            return _process, entries, "process"
        case Tuple((Atom("workflows"), list() as entries)):
            return _workflow, entries, "workflow"
    raise ConfigError(f"{_at(term, file)}: expected the layout {PROCESSES} or {WORKFLOWS}")


def _at(term: Term, file: Path) -> str:
    return f"{file}:{term.line}:{term.column}" if isinstance(term, Tuple) else str(file)


# processes


def _process(entry: Term, file: Path, settings: Settings) -> Process:
    where, dialect = _at(entry, file), CameronDialect(settings)
    match entry:
        case Tuple((Atom() as name, Tuple((Atom("start_activity_url"), str() as url)))):
            return dialect.process(str(name), url, where)
        case Tuple((Atom() as name, list() as terms)):
            given = [_given(term, file) for term in terms]
            options = read_options(given, str(name), where, own=(URL,))
            url, at = _url(options, URL, given, str(name), where)
            return dialect.process(str(name), url, at, options)
    raise ConfigError(f'{where}: expected a process like {{foo, {{start_activity_url, "http://..."}}}}, or {{foo, [...]}} with options')


# workflows


def _workflow(entry: Term, file: Path, settings: Settings) -> Process:
    where = _at(entry, file)
    match entry:
        case Tuple((Atom("workflow"), list() as terms)) | Tuple((Atom("workflow"), *terms)):
            given = [_given(term, file) for term in terms]
        case _:
            form = '{workflow, {name, bar}, {start_point_url, "http://..."}}'
            raise ConfigError(f"{where}: expected a workflow like {form}, or {{workflow, [...]}} with options")
    name = _name(given, where)
    options = read_options(given, name, where, own=("name", START_POINT))
    del options["name"]
    url, at = _url(options, START_POINT, given, name, where)
    return TicketDialect(settings).process(name, url, at, options)


def _name(given: list[object], where: str) -> str:
    """The name, which errors about the rest bear."""
    names = [option for option in given if isinstance(option, Given) and option.name == "name"]
    if not names:
        raise ConfigError(f"{where}: a workflow without a name: add {{name, bar}} to it")
    name = names[0].value
    if not isinstance(name, str):
        raise ConfigError(f"{names[0].where}: a workflow's name must be an atom or a string, not {shown(name)}")
    return checked_process_name(name, names[0].where)


# both


def _url(options: dict[str, Any], option: str, given: list[object], name: str, where: str) -> tuple[str, str]:
    """The URL, which is taken out of the options, and its place."""
    if option not in options:
        raise ConfigError(f'{where}: {name!r} has no {option}: add {{{option}, "http://..."}} to it')
    url = options.pop(option)
    at = next(one.where for one in given if isinstance(one, Given) and one.name == option)
    if not isinstance(url, str):
        raise ConfigError(f'{at}: {option} of {name!r} must be a string such as "http://...", not {shown(url)}')
    return url, at


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
