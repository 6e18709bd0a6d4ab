"""Reads Erlang terms as data: the layout of `priv/processes/*.config`, what `file:consult/1` would read of it.

    {processes, [{foo, {start_activity_url, "http://localhost:9292/foo/v0.0.1/start"}}]}.   % a comment

A tuple is a `Tuple` (a tuple that knows its line and column), a list a list, an atom an `Atom` (a str), a string or binary a str,
a number an int or a float. Variables, maps, funs and pids are not data here and are refused where they stand.
Every error is a ConfigError "source:line:column: what was expected, what was found". Nothing is evaluated.
"""

import math
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from cameron.errors import ConfigError

MAX_CHARACTERS: Final = 16 << 20
MAX_DEPTH: Final = 100
_MAX_DIGITS: Final = 400


class Atom(str):
    """An Erlang atom; equal to the str of the same letters, told apart from an Erlang string by its class."""

    __slots__ = ()


class Tuple(tuple["Term", ...]):
    """An Erlang tuple; equal to the tuple of the same terms. `line` and `column` are where its brace stands, both from 1."""

    line: int
    column: int

    def __new__(cls, terms: "Iterable[Term]", line: int, column: int) -> "Tuple":
        made = super().__new__(cls, terms)
        made.line, made.column = line, column
        return made


Term = Tuple | list["Term"] | Atom | str | int | float


def read_terms(text: str, source: str) -> list[Term]:
    """The terms of `text`, each ended by a full stop; `source` names the file in errors."""
    return _Reader(text, source).terms()


_SPACE = re.compile(r"(?:[\s\ufeff]+|%[^\n]*)*")
_ATOM = re.compile(r"[a-z\xdf-\xf6\xf8-\xff][\w@]*")
_FLOAT = re.compile(r"[+-]?[0-9][0-9_]*\.[0-9][0-9_]*(?:[eE][+-]?[0-9]+)?")
_BASED = re.compile(r"([+-]?)([0-9]{1,2})#([0-9A-Za-z_]+)")
_INTEGER = re.compile(r"[+-]?[0-9][0-9_]*")
_NUMBER_READERS: Final[Mapping[re.Pattern[str], Callable[[re.Match[str]], int | float]]] = {
    _FLOAT: lambda found: float(found[0]),
    _BASED: lambda found: int(found[1] + found[3], int(found[2])),
    _INTEGER: lambda found: int(found[0]),
}
_NUMBER_GOES_ON = re.compile(r"[\w@#]")
_PLAIN = {'"': re.compile(r'[^"\\]+'), "'": re.compile(r"[^'\\]+")}
_ESCAPE = re.compile(r"\\(?:x\{([0-9A-Fa-f]{1,8})\}|x([0-9A-Fa-f]{2})|([0-7]{1,3})|\^([@-_a-z?])|([^x^]))", re.DOTALL)
_NAMED_ESCAPES: Final = {"b": "\b", "d": "\x7f", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "s": " ", "t": "\t", "v": "\v"}
_BINARY_TYPE = re.compile(r"\s*/\s*utf8")
_FULL_STOP = re.compile(r"\.(?=[\s%]|\Z)")


class _Reader:
    """One pass over the text; `at` is the place of the next unread character."""

    def __init__(self, text: str, source: str) -> None:
        self.text = text.removeprefix("\ufeff")
        self.source = source
        self.at = 0
        self.lines = [0, *(found.end() for found in re.finditer("\n", self.text))]

    def terms(self) -> list[Term]:
        if len(self.text) > MAX_CHARACTERS:
            raise self.error(0, f"the file has more than {MAX_CHARACTERS} characters: split it")
        terms: list[Term] = []
        self.skip_space()
        while self.at < len(self.text):
            began = self.at
            terms.append(self.term(1))
            self.full_stop(began)
            self.skip_space()
        return terms

    def term(self, depth: int) -> Term:
        """The term that starts here; its kind shows in its first character."""
        if depth > MAX_DEPTH:
            raise self.error(self.at, f"nested deeper than {MAX_DEPTH} levels: no definition needs that")
        first = self.peek()
        if first == "{":
            line, column = self.place(self.at)
            return Tuple(self.sequence("}", "tuple", depth), line, column)
        if first == "[":
            return self.sequence("]", "list", depth)
        if first == '"':
            return self.strings()
        if first == "'":
            return Atom(self.quoted("'"))
        if first == "<":
            return self.binary()
        if first == "$":
            return self.character()
        if first.isdecimal() or first in ("+", "-"):
            return self.number()
        return self.atom()

    def sequence(self, close: str, kind: str, depth: int) -> list[Term]:
        """The terms between the bracket that stands here and its `close`."""
        opened = self.at
        self.at += 1
        terms: list[Term] = []
        self.skip_space()
        if self.take(close):
            return terms
        while True:
            terms.append(self.term(depth + 1))
            self.skip_space()
            if self.take(close):
                return terms
            comma = self.at
            if not self.take(","):
                line, column = self.place(opened)
                raise self.expected(f"',' or '{close}' in the {kind} opened at {line}:{column}")
            self.skip_space()
            if self.peek() == close:
                raise self.error(comma, f"a ',' may not stand before '{close}': remove it")

    def strings(self) -> str:
        """A string, or several side by side, which are one."""
        parts = []
        while self.peek() == '"':
            if self.text.startswith('"""', self.at):
                raise self.error(self.at, 'a triple-quoted string is not read here: write "..." with \\n for a new line')
            parts.append(self.quoted('"'))
            self.skip_space()
        return "".join(parts)

    def quoted(self, quote: str) -> str:
        """The text between the quote that stands here and the next one, escapes resolved; new lines may stand in it."""
        opened = self.at
        self.at += 1
        parts = []
        while not self.take(quote):
            if plain := _PLAIN[quote].match(self.text, self.at):
                self.at = plain.end()
                parts.append(plain[0])
            elif self.at < len(self.text):
                parts.append(self.escape())
            else:
                raise self.error(opened, f"this {quote} is never closed")
        return "".join(parts)

    def escape(self) -> str:
        """The character that the escape here stands for."""
        found = _ESCAPE.match(self.text, self.at)
        if not found:
            raise self.error(self.at, r"expected an escape such as \n, \", \\, \101, \x41 or \x{263A}")
        long_hex, short_hex, octal, control, letter = found.groups()
        began, self.at = self.at, found.end()
        if letter:
            return _NAMED_ESCAPES.get(letter, letter)
        if control:
            return "\x7f" if control == "?" else chr(ord(control) & 31)
        code = int(octal, 8) if octal else int(long_hex or short_hex, 16)
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            raise self.error(began, f"there is no character with the number {code:#x}")
        return chr(code)

    def binary(self) -> str:
        """<<"text">> or <<"text"/utf8>>; a binary of numbers is not text."""
        opened = self.at
        if not self.take("<<"):
            raise self.expected('a binary: <<"text">>')
        self.skip_space()
        text = ""
        if self.peek() == '"':
            text = self.quoted('"')
            if marked := _BINARY_TYPE.match(self.text, self.at):
                self.at = marked.end()
        self.skip_space()
        if not self.take(">>"):
            line, column = self.place(opened)
            raise self.expected(f'">>" to close the binary opened at {line}:{column}, which may hold one string')
        return text

    def character(self) -> int:
        """$a: the number of a character."""
        self.at += 1
        if self.peek() == "\\":
            return ord(self.escape())
        if not self.peek():
            raise self.expected("a character after '$'")
        self.at += 1
        return ord(self.text[self.at - 1])

    def number(self) -> int | float:
        """An integer, a float, or an integer in a base of its own as in 16#FF."""
        began = self.at
        found = next((match for match in (kind.match(self.text, began) for kind in _NUMBER_READERS) if match), None)
        if not found:
            raise self.expected("a number")
        self.at = found.end()
        if _NUMBER_GOES_ON.match(self.text, self.at):
            raise self.expected("the end of the number")
        if len(found[0]) > _MAX_DIGITS:
            raise self.error(began, f"this number has more than {_MAX_DIGITS} digits")
        try:
            value = _NUMBER_READERS[found.re](found)
        except ValueError:
            raise self.error(began, f"{found[0]} is not a number") from None
        if isinstance(value, float) and not math.isfinite(value):
            raise self.error(began, f"{found[0]} is too large for a float")
        return value

    def atom(self) -> Atom:
        found = _ATOM.match(self.text, self.at)
        if not found:
            raise self.expected("""a term: {...}, [...], an atom, 'an atom', "a string" or a number""")
        self.at = found.end()
        return Atom(found[0])

    def full_stop(self, began: int) -> None:
        self.skip_space()
        found = _FULL_STOP.match(self.text, self.at)
        if not found:
            line, column = self.place(began)
            raise self.expected(f"'.' and a new line to end the term that began at {line}:{column}")
        self.at = found.end()

    def skip_space(self) -> None:
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def peek(self) -> str:
        """The next character; empty at the end."""
        return self.text[self.at : self.at + 1]

    def take(self, mark: str) -> bool:
        """Steps over `mark` if it stands here."""
        here = self.text.startswith(mark, self.at)
        self.at += len(mark) if here else 0
        return here

    def place(self, at: int) -> tuple[int, int]:
        """Line and column of a character, both from 1."""
        line = bisect_right(self.lines, at)
        return line, at - self.lines[line - 1] + 1

    def expected(self, what: str) -> ConfigError:
        return self.error(self.at, f"expected {what}, found {self.found()}")

    def found(self) -> str:
        """The word or character that stands here, for a person."""
        word = re.compile(r"\w{1,40}|.", re.DOTALL).match(self.text, self.at)
        if not word:
            return "the end of the file"
        if word[0][0].isupper() or word[0][0] == "_":
            return f"the variable {word[0]} (write '{word[0]}' for an atom)"
        return repr(word[0])

    def error(self, at: int, why: str) -> ConfigError:
        line, column = self.place(at)
        return ConfigError(f"{self.source}:{line}:{column}: {why}")
