"""What `cameron check` notes: what definitions want that this environment does not allow, so that their jobs would fail."""

from collections.abc import Iterator
from typing import Any

from cameron.config import Config
from cameron.core.process import CommandCall, Process
from cameron.core.strict_json import parse
from cameron.core.template import TemplateFault, names_in
from cameron.definitions import Loaded


def notes(loaded: Loaded, config: Config) -> Iterator[str]:
    """Texts that begin with the file of the definition."""
    for process in loaded.processes:
        where = loaded.places[process.name]
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
