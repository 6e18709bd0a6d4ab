"""The reader of Erlang terms: what it reads, and where it says that it cannot."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameron.definitions.files.erlang import MAX_CHARACTERS, MAX_DEPTH, Atom, Term, Tuple, read_terms
from cameron.errors import ConfigError

DOCUMENTED = """{processes, [{foo, {start_activity_url, "http://localhost:9292/foo/v0.0.1/start"}},
             {bar, {start_activity_url, "http://bar.com/process/bar/start"}}]}.
"""


def read(text: str) -> Term:
    [term] = read_terms(text, "x.config")
    return term


def printed(term: Term) -> str:
    """The term as Erlang writes it."""
    if isinstance(term, Tuple):
        return "{" + ", ".join(map(printed, term)) + "}"
    if isinstance(term, list):
        return "[" + ",".join(map(printed, term)) + "]"
    if isinstance(term, Atom):
        return "'" + term.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if isinstance(term, str):
        return '"' + term.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(term, float) and "." not in repr(term):
        return repr(term).replace("e", ".0e")  # Erlang has no 1e22
    return repr(term)


def same(one: Term, other: Term) -> bool:
    """Equal, and of the same classes: an atom is no string, 1 is not 1.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (Tuple, list)) and isinstance(other, (Tuple, list)):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
LEAVES: st.SearchStrategy[Term] = st.one_of(TEXT, TEXT.map(Atom), st.integers(), st.floats(allow_nan=False, allow_infinity=False))
TERMS: st.SearchStrategy[Term] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.lists(inner, max_size=4).map(lambda terms: Tuple(terms, 1, 1))),
    max_leaves=20,
)


@given(st.lists(TERMS, max_size=4))
def test_what_is_printed_is_read_again(terms: list[Term]) -> None:
    text = "".join(f"{printed(term)}.\n% between\n" for term in terms)
    assert same(read_terms(text, "x.config"), terms)


@given(st.text(alphabet=st.sampled_from("{}[],.\"'\\%<>$#-+eEx019aZ_ \n/|é\x00²"), max_size=60))
def test_any_text_is_read_or_refused_at_a_place(text: str) -> None:
    told = "x.config:1:1: "
    try:
        read_terms(text, "x.config")
    except ConfigError as error:
        told = str(error)
    assert re.match(r"x\.config:\d+:\d+: ", told)


def test_the_documented_layout_is_read() -> None:
    expected = (
        "processes",
        [
            ("foo", ("start_activity_url", "http://localhost:9292/foo/v0.0.1/start")),
            ("bar", ("start_activity_url", "http://bar.com/process/bar/start")),
        ],
    )
    assert read(DOCUMENTED) == expected


def test_a_tuple_knows_its_line_and_column() -> None:
    term = read(DOCUMENTED)
    assert isinstance(term, Tuple)
    assert isinstance(term[1], list)
    foo, bar = term[1]
    assert isinstance(foo, Tuple)
    assert isinstance(bar, Tuple)
    assert [(one.line, one.column) for one in (term, foo, bar)] == [(1, 1), (1, 14), (2, 14)]


def test_atoms_are_told_from_strings() -> None:
    term = read("{foo, 'Foo Bar', \"foo\"}.")
    assert isinstance(term, Tuple)
    assert [type(part) for part in term] == [Atom, Atom, str]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("foo.", "foo"),
        ("foo_Bar@1.", "foo_Bar@1"),
        ("ñandú.", "ñandú"),
        ("'quoted \\' atom'.", "quoted ' atom"),
        ("{}.", ()),
        ("[].", []),
        ("{a}.% no new line at the end", ("a",)),
        ("\ufeff{a}.\r\n", ("a",)),
        ("% only\n  a % here\n . % and here", "a"),
        ('"a % is no comment here".', "a % is no comment here"),
        ('"two" "parts"\n"of one".', "twopartsof one"),
        ('"over\nlines".', "over\nlines"),
        (r'"\n\t\"\\\e\s\101\x41\x{1F600}\^A\q".', '\n\t"\\\x1b AA\U0001f600\x01q'),
        ('<<"text">>.', "text"),
        ('<< "t\u00e9xt"/utf8 >>.', "t\u00e9xt"),
        ("<<>>.", ""),
        ("-12.", -12),
        ("1_000_000.", 1_000_000),
        ("16#fF.", 255),
        ("-2#101.", -5),
        ("$a.", 97),
        (r"$\n.", 10),
        ("-1.5e-3.", -0.0015),
        ("2.50.", 2.5),
    ],
)
def test_terms_are_read(text: str, expected: object) -> None:
    assert read(text) == expected


def test_no_terms_are_none() -> None:
    assert read_terms(" % nothing but a comment\n", "x.config") == []


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("{a,\n b", "2:3", "expected ',' or '}' in the tuple opened at 1:1, found the end of the file"),
        ("[a\n b].", "2:2", "expected ',' or ']' in the list opened at 1:1, found 'b'"),
        ("[a}.", "1:3", "expected ',' or ']' in the list opened at 1:1, found '}'"),
        ("[a,].", "1:3", "a ',' may not stand before ']': remove it"),
        ("[a|b].", "1:3", "expected ',' or ']'"),
        ("{,a}.", "1:2", "expected a term: {...}, [...], an atom, 'an atom', \"a string\" or a number, found ','"),
        ("{a}\n{b}.", "2:1", "expected '.' and a new line to end the term that began at 1:1, found '{'"),
        ("a.b.", "1:2", "expected '.' and a new line"),
        ("{a}", "1:4", "expected '.' and a new line to end the term that began at 1:1, found the end of the file"),
        ("{a, Foo}.", "1:5", "found the variable Foo (write 'Foo' for an atom)"),
        ("#{a => 1}.", "1:1", "expected a term"),
        ('\n  "never closed}.', "2:3", 'this " is never closed'),
        ("'never closed", "1:1", "this ' is never closed"),
        ('"a\\', "1:3", "expected an escape"),
        (r'"\x{110000}".', "1:2", "there is no character with the number 0x110000"),
        (r'"\x{d800}".', "1:2", "there is no character with the number 0xd800"),
        ('"""\ntext\n""".', "1:1", "a triple-quoted string is not read here"),
        ("<<1,2>>.", "1:3", 'expected ">>" to close the binary opened at 1:1'),
        ('<<"a".', "1:6", 'expected ">>"'),
        ("<a>.", "1:1", "expected a binary"),
        ("$", "1:2", "expected a character after '$', found the end of the file"),
        ("12ab.", "1:3", "expected the end of the number, found 'ab'"),
        ("1#0.", "1:1", "1#0 is not a number"),
        ("1__0.", "1:1", "1__0 is not a number"),
        ("- 1.", "1:1", "expected a number, found '-'"),
        ("1.0e999.", "1:1", "1.0e999 is too large for a float"),
        ("\x00.", "1:1", r"found '\x00'"),
    ],
)
def test_what_cannot_be_read_is_told_by_line_and_column(text: str, place: str, told: str) -> None:
    with pytest.raises(ConfigError, match="^" + re.escape(f"x.config:{place}: ") + ".*" + re.escape(told)):
        read_terms(text, "x.config")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[" * 1_000_000, f"1:{MAX_DEPTH + 1}: nested deeper than {MAX_DEPTH} levels"),
        ("{[" * 1_000_000, "nested deeper"),
        ("9" * 1_000_000 + ".", "1:1: this number has more than 400 digits"),
        ("36#" + "z" * 1_000_000 + ".", "1:1: this number has more than 400 digits"),
        ('"' + "a" * 1_000_000, '1:1: this " is never closed'),
        ('"' + r"\x41" * 200_000, '1:1: this " is never closed'),
        ("% " * 1_000_000 + "\n}", "2:1: expected a term"),
        ("\n" * 1_000_000 + "}", "1000001:1: expected a term"),
        (" " * (MAX_CHARACTERS + 1), "1:1: the file has more than"),
    ],
)
def test_hostile_text_is_refused_with_a_place(text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(told)):
        read_terms(text, "x.config")


def test_the_deepest_allowed_nesting_is_read() -> None:
    term = read("[" * MAX_DEPTH + "]" * MAX_DEPTH + ".")
    assert isinstance(term, list)


def test_ten_thousand_processes_are_read() -> None:
    entries = ",\n".join(f'{{p{number}, {{start_activity_url, "http://localhost/{number}"}}}}' for number in range(10_000))
    term = read(f"{{processes, [{entries}]}}.")
    assert isinstance(term, Tuple)
    assert isinstance(term[1], list)
    last = term[1][-1]
    assert isinstance(last, Tuple)
    assert (last[0], last.line) == ("p9999", 10_000)
