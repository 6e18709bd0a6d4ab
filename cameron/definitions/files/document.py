"""The text of a definition file, JSON or YAML, as plain data; what cannot be read is a ConfigError with its line and column.

What stands in a file twice is refused, not silently overwritten. Of YAML this takes what JSON can say too: no aliases (a few lines of them
grow to gigabytes), no tags, and `yes`, `010` and `2024-01-01` are text.
"""

import json
import re
from collections.abc import Hashable, Iterator
from typing import Any, Final, NoReturn

import yaml

from cameron.core.strict_json import NotJson, compact, parse
from cameron.definitions.files.json_path import json_path
from cameron.errors import ConfigError

TWICE: Final = "is given twice: remove one"


def read_json(text: str, where: str) -> Any:
    """The value of a JSON text; `where`, the file's name, begins the text of an error."""
    _refuse_empty(text, where)
    try:
        value = _decoder.decode(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{where}:{error.lineno}:{error.colno}: it is no JSON: {error.msg[:1].lower()}{error.msg[1:]}") from None
    except RecursionError:
        raise ConfigError(f"{where}: nested too deeply") from None
    except ValueError as error:  # NotJson, and Python's own limit on the digits of an integer
        raise ConfigError(f"{where}: {error if isinstance(error, NotJson) else 'an integer with too many digits'}") from None
    plain = _plain(value, where)
    if path := next(_repeats(value, []), None):
        raise ConfigError(f"{where}: {path}: {TWICE}")
    return plain


def repeated(text: str) -> list[str]:
    """The JSON paths of the names that an object in this JSON text has twice, each object's first; the text has been found to be JSON."""
    return list(_repeats(_decoder.decode(text), []))


def read_yaml(text: str, where: str) -> Any:
    """The value of a YAML text of one document; `where` as above."""
    _refuse_empty(text, where)
    try:
        return _plain(yaml.load(text, Loader=_Loader), where)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise ConfigError(f"{where}{place}: {_yaml_problem(error)}") from None
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise ConfigError(f"{where}: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise ConfigError(f"{where}: nested too deeply") from None
    except ValueError:
        raise ConfigError(f"{where}: an integer with too many digits") from None


def _refuse_empty(text: str, where: str) -> None:
    if not text.strip():
        raise ConfigError(f"{where}: the file is empty: write a definition, or remove it")


def _plain(value: object, where: str) -> Any:
    """The value made of nothing but what strict JSON can hold."""
    try:
        return parse(compact(value).encode())
    except NotJson as error:
        raise ConfigError(f"{where}: it holds what JSON cannot: {error}") from None


# JSON


class _Object(dict[str, Any]):
    """An object that remembers a name that it was given twice."""

    repeated: str | None = None


def _object(members: list[tuple[str, Any]]) -> _Object:
    made = _Object(members)
    if len(made) < len(members):
        seen: set[str] = set()
        made.repeated = next(name for name, _ in members if name in seen or seen.add(name))  # type: ignore[func-returns-value]
    return made


def _no_constant(word: str) -> NoReturn:
    raise NotJson(f"{word} is not JSON")


_decoder: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_constant)


def _repeats(value: object, path: list[str | int]) -> Iterator[str]:
    """As deep as the value is nested, which has been found to be bearable."""
    if isinstance(value, _Object) and value.repeated is not None:
        yield json_path([*path, value.repeated])
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _repeats(inner, [*path, name])
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from _repeats(inner, [*path, at])


# YAML


_MENDS: Final = (
    ("expected <block end>", "check the indentation"),
    ("mapping values are not allowed", "check the indentation, and put text that holds a colon in quotes"),
)


def _yaml_problem(error: yaml.MarkedYAMLError) -> str:
    """The library's words, where they say enough to whoever wrote the file."""
    said = error.problem or error.context or ""
    if said == "but found another document":
        return "a second document begins here: one definition a file"
    return said + next((f": {mend}" for start, mend in _MENDS if said.startswith(start)), "")


def _refused(mark: Any, problem: str) -> yaml.MarkedYAMLError:
    """The error at that place; a name in its text may be as long as the file."""
    return yaml.MarkedYAMLError(problem=problem if len(problem) <= 200 else problem[:200] + "…", problem_mark=mark)


class _Loader(yaml.SafeLoader):
    """Safe, and without what has surprised people: see the module's docstring."""

    yaml_implicit_resolvers = {}  # noqa: RUF012  # of the class, as PyYAML has it; filled below

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _refused(event.start_mark, f"the alias *{event.anchor} is not taken: write out what it stands for")
        if event.tag is not None:
            raise _refused(event.start_mark, f"tags such as {event.tag} are not taken: remove it")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:str":
                raise _refused(key.start_mark, "a name must be text: put it in quotes")
            if key.value in seen:
                raise _refused(key.start_mark, f"{key.value!r} {TWICE}")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_NUMBER = r"-?(?:0|[1-9][0-9]*)"
for _tag, _form, _first in (
    ("null", r"~|null|", ["~", "n", ""]),
    ("bool", r"true|false", ["t", "f"]),
    ("int", _NUMBER, list("-0123456789")),
    ("float", rf"{_NUMBER}(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", list("-0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_form})\Z"), _first)
