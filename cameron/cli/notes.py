"""What `cameron check` notes: what definitions want that this environment does not allow, so that their jobs would fail; likely slips."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from cameron.config import Config
from cameron.core.process import CommandCall, Process
from cameron.core.strict_json import parse
from cameron.core.template import TemplateFault, names_in
from cameron.definitions import Loaded, Settings, dialects
from cameron.definitions.schema import Fault


@runtime_checkable
class HasDoubts(Protocol):
    """A dialect that knows of a document, which can be used, what may not be meant so."""

    def doubts(self, document: Mapping[str, Any]) -> list[Fault]:
        """Each with its place."""


def notes(loaded: Loaded, config: Config) -> Iterator[str]:
    """Texts that begin with the file of the definition."""
    known = dialects(Settings())
    for process in loaded.processes:
        where, dialect = loaded.places[process.name], known[process.dialect]
        if isinstance(dialect, HasDoubts):
            yield from (f"{where}: note: {doubt}" for doubt in dialect.doubts(parse(process.document.encode())))
        for task, program in _programs(process):
            if program not in config.commands.allowed:
                yield f"{where}: note: task {task!r} runs {program}, which is not in commands.allowed_binaries of this environment"
        for name in _variables(process):
            if name not in config.templates.env_names:
                yield f"{where}: note: ${{env.{name}}} is a variable that is not in templates.env of this environment"


def _programs(process: Process) -> Iterator[tuple[str, str]]:
    """The tasks that run programs, and these; what a template stands for, a job alone knows."""
    for activity in process.activities:
        if isinstance(activity.call, CommandCall) and "${" not in activity.call.target:
            yield activity.name, activity.call.target


def _variables(process: Process) -> list[str]:
    """The environment variables that its templates name, each once; a process whose dialect keeps nothing of its own has none."""
    if not any(activity.own for activity in process.activities):
        return []
    named = [name.path for text in _texts(parse(process.document.encode())) for name in _named(text)]
    return list(dict.fromkeys(".".join(path[1:]) for path in named if path[0] == "env"))


def _named(text: str) -> list[Any]:
    try:
        return list(names_in(text))
    except TemplateFault:  # a text that is no template, such as a description: templates were read when the file was
        return []


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for inner in value:
                yield from _texts(inner)
        case dict():
            for inner in value.values():
                yield from _texts(inner)
