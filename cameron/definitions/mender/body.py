"""The bodies of Mender's requests: texts, JSON texts and JSON values, all with templates in them.

In a JSON text, what is put between quotation marks is escaped, so that no value can break out of its string, and what is put elsewhere
becomes JSON: with `{"name": "${workflow.input.a}", "size": ${workflow.input.b}}` the inputs `say "hi"` and `7` give
`{"name": "say \\"hi\\"", "size": 7}`.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from cameron.core.strict_json import NotJson, parse
from cameron.core.template import names_in, render, render_value
from cameron.definitions.filling import Filling, as_json

NO_JSON: Final = (
    "its content type is JSON, and the text is none, whatever its names stand for: write it as a JSON value, "
    "put quotation marks round the names that are texts, or set contentType, such as text/plain"
)

_OPENING: Final = re.compile(r"\$?\$\{")
_QUOTE: Final = re.compile(r'\\.|(")', re.DOTALL)  # an escaped character, or a quotation mark that counts
_LINES: Final = re.compile(r"ndjson|jsonl|json-?lines", re.IGNORECASE)  # in a content type: each line is a JSON text


class Part(NamedTuple):
    """A piece of a JSON text."""

    text: str  # as it is to be sent, or `${...}`
    is_template: bool
    quoted: bool  # of a template: it stands within a JSON string


class PlainText(NamedTuple):
    """A text that is filled in as it is."""

    template: str

    def fill(self, filling: Filling) -> str:
        """The body. Raises TemplateFault."""
        return filling.text(self.template)


class JsonText(NamedTuple):
    """A text that is JSON once it is filled in, whatever with."""

    parts: tuple[Part, ...]

    def fill(self, filling: Filling) -> str:
        """The body. Raises TemplateFault."""
        return "".join(_filled(part, filling) if part.is_template else filling.spend(part.text) for part in self.parts)


class JsonValue(NamedTuple):
    """A JSON value; a string in it that is one placeholder becomes the value that it names."""

    value: Any

    def fill(self, filling: Filling) -> str:
        """The body. Raises TemplateFault."""
        return filling.json(self.value)


class NoBody(NamedTuple):
    """There is none."""

    def fill(self, filling: Filling) -> str:
        """Nothing."""
        return ""


Body = PlainText | JsonText | JsonValue | NoBody


def text_body(template: str, content_type: str) -> PlainText | JsonText:
    """A body that the definition gives as a text: JSON where the content type says so, or may come to say so, and the text bears it out.

    Raises TemplateFault where a name in it cannot be read.
    """
    names_in(template)
    if is_json(content_type) or "${" in content_type:
        parts = tuple(_parts(template))
        if _would_be_json(parts, content_type):
            return JsonText(parts)
    return PlainText(template)


def is_json(content_type: str) -> bool:
    """Whether a body of that type is JSON, or lines of it."""
    return "json" in content_type.lower()


def _would_be_json(parts: tuple[Part, ...], content_type: str) -> bool:
    sample = "".join(("x" if part.quoted else "0") if part.is_template else part.text for part in parts)
    texts = [line for line in sample.split("\n") if line.strip()] if _LINES.search(content_type) else [sample]
    try:
        for text in texts:
            parse(text.encode())
    except (NotJson, UnicodeEncodeError):
        return False
    return True


def _parts(template: str) -> Iterator[Part]:
    at, quoted = 0, False
    while opening := _OPENING.search(template, at):
        own = template[at : opening.start()]
        quoted = _is_open(own, quoted)
        yield Part(own, False, False)
        if opening[0] == "$${":
            yield Part("${", False, False)
            at = opening.end()
        else:
            end = template.index("}", opening.end()) + 1
            yield Part(template[opening.start() : end], True, quoted)
            at = end
    yield Part(template[at:], False, False)


def _is_open(text: str, quoted: bool) -> bool:
    """Whether a JSON string is open after this text, which begins within one or not."""
    for match in _QUOTE.finditer(text):
        quoted = quoted != bool(match[1])
    return quoted


def _filled(part: Part, filling: Filling) -> str:
    if part.quoted:
        return filling.spend(as_json(render(part.text, filling.scope))[1:-1])
    value, [name] = render_value(part.text, filling.scope), names_in(part.text)
    return filling.spend(_own_json(value) if value == name.default else as_json(value))


def _own_json(default: str) -> str:
    """A default that stands outside of quotation marks is JSON; one that is not, such as a word, a string."""
    try:
        parse(default.encode())
    except NotJson:
        return as_json(default)
    return default
