"""Templates in definitions: `{key}` in URLs, and `${...}` in any text.

    ${workflow.input.name}                     what a scope knows by that path
    ${workflow.input.name|nobody}              the text after the bar where that is not there, null or ""
    ${encoding=url;workflow.input.name}        percent-encoded (encoding=html: for HTML; plain: as it is); may also stand last
    $${                                        the characters ${ themselves

What is put in is not looked at again: a value that holds `${` stays as it is. A default is the definition's own text and is not encoded.
"""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import quote

from cameron.core.strict_json import NotJson, compact

RENDERED_MAX: Final = 16 * 1024 * 1024  # characters that one template may come to: a small one can name a large value many times
LISTED_MAX: Final = 8  # names that an error lists
SHOWN_MAX: Final = 60  # characters of a name or a template that an error quotes

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_OPENING = re.compile(r"\$?\$\{")
_TRAILING = re.compile(r";(encoding=(?:url|html|plain))$")
_INDEX = re.compile(r"([0-9]{1,9})|\[([0-9]{1,9})\]")
_ENCODINGS: Final = ("url", "html", "plain")


class TemplateFault(ValueError):
    """A template that cannot be read or filled in; the text says which part of it, and why."""


class UnknownName(TemplateFault):
    """The template names what is not there."""


class Scope(Protocol):
    """What a template's names stand for."""

    def look_up(self, path: tuple[str, ...]) -> Any:
        """The JSON value of `("workflow", "input", "name")`. Raises UnknownName, see `unknown`; `reach` helps with the rest of a path."""


class Placeholder(NamedTuple):
    """One `${...}` of a template."""

    path: tuple[str, ...]
    default: str | None  # None: it has to be there
    encoding: str  # url, html or plain

    def __str__(self) -> str:
        return _shown(f"${{{'.'.join(self.path)}}}")


def fill_url(template: str, values: Mapping[str, str]) -> str:
    """The URL with each `{name}` replaced by its value, percent-encoded. Raises UnknownName."""
    if "{" not in template:
        return template

    def value_of(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in values:
            raise UnknownName(f"{{{name}}} is unknown; {_only(values)}")
        return quote(values[name], safe="")

    return _PLACEHOLDER.sub(value_of, template)


def _only(values: Mapping[str, str]) -> str:
    names = [f"{{{name}}}" for name in sorted(values)]
    return f"the only name here is {names[0]}" if len(names) == 1 else f"the names here are {', '.join(names) or 'none'}"


def render(template: str, scope: Scope) -> str:
    """The text with all of its names filled in: strings as they are, other values as compact JSON. Raises TemplateFault."""
    return _Rendering(scope).text(template)


def render_value(value: Any, scope: Scope) -> Any:
    """The JSON value with all strings in it rendered, names of members excepted. Raises TemplateFault.

    A string that is one placeholder and nothing else becomes the value that it names, of whatever type.
    """
    return _Rendering(scope).value(value)


def names_in(template: Any) -> list[Placeholder]:
    """The names in a text, or in all strings of a JSON value, in their order. Raises TemplateFault where one cannot be read."""
    match template:
        case str():
            return [piece for piece in _pieces(template) if isinstance(piece, Placeholder)]
        case list():
            return [name for inner in template for name in names_in(inner)]
        case dict():
            return [name for inner in template.values() for name in names_in(inner)]
    return []


def reach(value: Any, path: Sequence[str], lacks: str, has: str = "it has") -> Any:
    """What the path leads to in a JSON value: by members' names in objects, by numbers in lists.

    Raises UnknownName, its text beginning with `lacks`, such as "task 'x' has no output"; what there is follows after `has`.
    """
    for depth, step in enumerate(path):
        index = _INDEX.fullmatch(step) if isinstance(value, list) else None
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif index and int(index[1] or index[2]) < len(value):
            value = value[int(index[1] or index[2])]
        else:
            raise unknown(lacks, path, [".".join((*path[:depth], name)) for name in _inside(value)], has)
    return value


def unknown(lacks: str, path: Sequence[str], known: Sequence[str], has: str = "it has") -> UnknownName:
    """The error that says what is not there, and what is."""
    listed = ", ".join(_shown(name) for name in known[:LISTED_MAX]) + (", …" if len(known) > LISTED_MAX else "")
    return UnknownName(f"{lacks} {_shown('.'.join(path))!r}; {has}: {listed or 'nothing'}")


class _Rendering:
    """One run over a template, with what is left of the size it may come to."""

    def __init__(self, scope: Scope) -> None:
        self._scope, self._left = scope, RENDERED_MAX

    def value(self, value: Any) -> Any:
        match value:
            case str():
                pieces = list(_pieces(value))
                if len(pieces) == 1 and isinstance(pieces[0], Placeholder) and pieces[0].encoding == "plain":
                    found, _ = self._found(pieces[0])
                    self._spend(_text(found))
                    return found
                return self._joined(pieces)
            case list():
                return [self.value(inner) for inner in value]
            case dict():
                return {name: self.value(inner) for name, inner in value.items()}
        return value

    def text(self, template: str) -> str:
        return self._joined(_pieces(template)) if "${" in template else template

    def _joined(self, pieces: Iterator["str | Placeholder"] | list["str | Placeholder"]) -> str:
        return "".join(self._spend(piece if isinstance(piece, str) else self._put_in(piece)) for piece in pieces)

    def _put_in(self, name: Placeholder) -> str:
        found, is_default = self._found(name)
        return _text(found) if is_default else _encoded(_text(found), name.encoding)

    def _found(self, name: Placeholder) -> tuple[Any, bool]:
        """What stands for the name, and whether that is its default."""
        try:
            found = self._scope.look_up(name.path)
        except UnknownName as error:
            if name.default is None:
                raise UnknownName(f"{name}: {error}") from None
            return name.default, True
        is_empty = found is None or found == ""
        return (name.default, True) if is_empty and name.default is not None else (found, False)

    def _spend(self, text: str) -> str:
        self._left -= len(text)
        if self._left < 0:
            raise TemplateFault(f"with all names filled in it has more than {RENDERED_MAX} characters")
        return text


def _pieces(template: str) -> Iterator[str | Placeholder]:
    """The template's own texts and its placeholders in turn, in one pass."""
    at = 0
    while opening := _OPENING.search(template, at):
        if opening.start() > at:
            yield template[at : opening.start()]
        at = opening.end()
        if opening[0] == "$${":
            yield "${"
            continue
        end = template.find("}", at)
        if end < 0:
            raise TemplateFault(f"{_shown(template[at - 2 :])!r} has no closing }}; write $${{ for the characters themselves")
        yield _placeholder(template[at:end])
        at = end + 1
    if at < len(template):
        yield template[at:]


def _placeholder(said: str) -> Placeholder:
    left, bar, right = said.partition("|")
    default = right if bar else None
    words = [word.strip() for word in left.split(";")]
    if default is not None and (trailing := _TRAILING.search(default)):
        words.append(trailing[1])
        default = default[: trailing.start()]
    modifiers, names = [word for word in words if "=" in word], [word for word in words if "=" not in word]
    path = tuple(names[0].split(".")) if len(names) == 1 else ()
    if not all(path) or not path:
        raise TemplateFault(f"{_shown('${' + said + '}')} is no name such as ${{workflow.input.x}} or ${{env.X|default}}")
    encoding = "plain"
    for modifier in modifiers:
        key, _, encoding = modifier.partition("=")
        if key != "encoding" or encoding not in _ENCODINGS:
            raise TemplateFault(f"{_shown(modifier)!r} in {_shown('${' + said + '}')} is no encoding=url, encoding=html or encoding=plain")
    return Placeholder(path, default, encoding)


def _text(value: Any) -> str:
    try:
        if isinstance(value, str):
            value.isascii() or value.encode()
            return value
        return compact(value)
    except (NotJson, UnicodeEncodeError) as error:
        raise TemplateFault(f"a value cannot be put into a text: {error}") from None


def _encoded(text: str, encoding: str) -> str:
    match encoding:
        case "url":
            return quote(text, safe="")
        case "html":
            return html.escape(text)
    return text


def _inside(value: Any) -> list[str]:
    """The steps that lead on from a value, as many as an error lists and one more."""
    match value:
        case dict():
            return [str(name) for name, _ in zip(value, range(LISTED_MAX + 1), strict=False)]
        case list():
            return [str(number) for number in range(min(len(value), LISTED_MAX + 1))]
    return []


def _shown(text: str) -> str:
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"
