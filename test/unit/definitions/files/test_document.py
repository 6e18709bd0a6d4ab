"""Definition files as text: what is read, and where it says that something else is wrong."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from cameron.definitions.files.document import read_json, read_yaml, repeated
from cameron.errors import ConfigError

LAUGHS = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


def refused(read: Callable[[str, str], Any], text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(text, "f")
    return str(caught.value)


def test_json_is_read_as_it_is() -> None:
    assert read_json(' {"a": [1, 2.5, null, true, "é"], "b": {"a": {}}}\n', "f") == {"a": [1, 2.5, None, True, "é"], "b": {"a": {}}}


def test_yaml_is_read_as_what_json_could_say() -> None:
    text = """
        # a comment
        text: [foo, 'quo:ted', "lines\\nof", yes, No, on, 010, 0x1F, 2024-01-01, 12:30:00, .inf, 1_000]
        numbers: [0, -3, 1.5, 1e3]
        others: [true, false, null, ~, ]
        block: |
          two
          lines
        nothing:
    """
    assert read_yaml(text, "f") == {
        "text": ["foo", "quo:ted", "lines\nof", "yes", "No", "on", "010", "0x1F", "2024-01-01", "12:30:00", ".inf", "1_000"],
        "numbers": [0, -3, 1.5, 1000.0],
        "others": [True, False, None, None],
        "block": "two\nlines\n",
        "nothing": None,
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "f: the file is empty: write a definition, or remove it"),
        (" \n", "f: the file is empty: write a definition, or remove it"),
        ('{\n "a": 1,\n}', "f:3:1: it is no JSON: expecting property name enclosed in double quotes"),
        ('{"a": 1} x', "f:1:10: it is no JSON: extra data"),
        ('{"a": [{"b": 1, "c": 2, "b": 3}]}', "f: $.a[0].b: is given twice: remove one"),
        ('{"a": 1, "a": 1}', "f: $.a: is given twice: remove one"),
        ('{"a": NaN}', "f: NaN is not JSON"),
        ('{"a": 1e999}', "f: it holds what JSON cannot: a number too large for JSON"),
        ('{"a": "\\ud800"}', "f: it holds what JSON cannot: a lone surrogate, which is no character"),
        ("9" * 5000, "f: an integer with too many digits"),
        ("[" * 100_000, "f: nested too deeply"),
        ("[" * 300 + "]" * 300, "f: it holds what JSON cannot: nested too deeply"),
    ],
)
def test_json_that_cannot_be_used_says_where(text: str, told: str) -> None:
    assert refused(read_json, text) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [1", "f:1:6: expected ',' or ']', but got '<stream end>'"),
        ("a: 1\n\tb: 2", "f:2:1: found character '\\t' that cannot start any token"),
        ("a: 1\nb:\n  c: 1\n  c: 2", "f:4:3: 'c' is given twice: remove one"),
        ("a: 1\n1: 2", "f:2:1: a name must be text: put it in quotes"),
        ("? [a]\n: 1", "f:1:3: a name must be text: put it in quotes"),
        (LAUGHS, "f:2:8: the alias *a is not taken: write out what it stands for"),
        (
            "a: !!python/object/apply:os.system [ls]",
            "f:1:4: tags such as tag:yaml.org,2002:python/object/apply:os.system are not taken: remove it",
        ),
        ("a: !!binary aGk=", "f:1:4: tags such as tag:yaml.org,2002:binary are not taken: remove it"),
        ("a: 1\n---\nb: 2", "f:2:1: a second document begins here: one definition a file"),
        ("a:\n   b: 1\n  c: 2", "f:3:3: expected <block end>, but found '<block mapping start>': check the indentation"),
        (
            "a: b: c",
            "f:1:5: mapping values are not allowed here: check the indentation, and put text that holds a colon in quotes",
        ),
        ("\n", "f: the file is empty: write a definition, or remove it"),
        ('a: "\\ud800"', "f: it holds what JSON cannot: a lone surrogate, which is no character"),
        ("a: " + "9" * 5000, "f: an integer with too many digits"),
        ("[" * 10_000, "f: nested too deeply"),
        ("[" * 210 + "]" * 210, "f: it holds what JSON cannot: nested too deeply"),
    ],
)
def test_yaml_that_cannot_be_used_says_where(text: str, told: str) -> None:
    assert refused(read_yaml, text) == told


def test_names_that_a_text_has_twice_are_found_wherever_they_are() -> None:
    assert repeated('{"a": 1, "a": {"b": 1, "b": 2}, "c": [{"d": 1, "d": 1}]}') == ["$.a", "$.a.b", "$.c[0].d"]
    assert repeated('[{"a": 1}, {"a": 1}]') == []


def test_a_character_that_yaml_does_not_allow_is_told_on_one_line() -> None:
    assert re.fullmatch(r"f: .*#x0001.* position 3", refused(read_yaml, "a: \x01"))


def test_an_empty_yaml_is_null() -> None:
    assert read_yaml("# nothing yet\n", "f") is None
