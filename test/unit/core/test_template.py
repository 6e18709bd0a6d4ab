"""`{key}` in URLs, and `${...}` in texts and JSON values."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameron.core.template import (
    RENDERED_MAX,
    Placeholder,
    TemplateFault,
    UnknownName,
    fill_url,
    names_in,
    reach,
    render,
    render_value,
    unknown,
)


class Names:
    """A scope of nested values: the first step names one of them, the rest leads into it."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def look_up(self, path: tuple[str, ...]) -> Any:
        """As scopes do."""
        first, *rest = path
        if first not in self._values:
            raise unknown("there is no", (first,), list(self._values))
        return reach(self._values[first], rest, f"{first!r} has no")


INPUT = {
    "name": "Ann Lee",
    "id": 7,
    "ratio": 0.5,
    "ok": True,
    "none": None,
    "empty": "",
    "zero": 0,
    "tags": ["a", {"b": [1, 2]}],
    "q": 'a/b&"<ä>',
}
SCOPE = Names(
    {"workflow": {"input": INPUT}, "env": {"HOME": "/home/ann"}, "first-task": {"json": {"body": [{"x": "deep"}]}, "status": 201}}
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("http://service/plain", "http://service/plain"),
        ("http://service/{key}", "http://service/a%2Fb%20%C3%A4%3F"),
        ("http://service/{key}/{id}?of={key}", "http://service/a%2Fb%20%C3%A4%3F/7?of=a%2Fb%20%C3%A4%3F"),
        ("http://service/{}/{not a name}", "http://service/{}/{not a name}"),
    ],
)
def test_names_are_replaced_by_their_values_percent_encoded(template: str, filled: str) -> None:
    assert fill_url(template, {"key": "a/b ä?", "id": "7"}) == filled


def test_a_value_is_not_itself_a_template() -> None:
    assert fill_url("http://service/{key}", {"key": "{id}", "id": "7"}) == "http://service/%7Bid%7D"


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(UnknownName, match=r"^\{kye\} is unknown; the names here are \{id\}, \{key\}$"):
        fill_url("http://service/{kye}", {"key": "", "id": ""})
    with pytest.raises(UnknownName, match=r"^\{kye\} is unknown; the only name here is \{key\}$"):
        fill_url("http://service/{kye}", {"key": ""})
    with pytest.raises(UnknownName, match=r"^\{kye\} is unknown; the names here are none$"):
        fill_url("http://service/{kye}", {})


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ("", ""),
        ("plain $ { } text", "plain $ { } text"),
        ("Hello ${workflow.input.name}!", "Hello Ann Lee!"),
        ("${workflow.input.name}${workflow.input.id}", "Ann Lee7"),
        ("${ workflow.input.name }", "Ann Lee"),
        ("${workflow.input.ratio} ${workflow.input.ok} ${workflow.input.none}", "0.5 true null"),
        ("${workflow.input.tags}", '["a",{"b":[1,2]}]'),
        ("${env.HOME}/x", "/home/ann/x"),
        ("${first-task.status}: ${first-task.json.body.0.x}", "201: deep"),
        ("${first-task.json.body.[0].x}", "deep"),
        ("${workflow.input.tags.1.b.1}", "2"),
    ],
)
def test_names_are_replaced_by_what_the_scope_knows(template: str, rendered: str) -> None:
    assert render(template, SCOPE) == rendered


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ("${workflow.input.nobody|me}", "me"),
        ("${workflow.input.empty|me}", "me"),
        ("${workflow.input.none|me}", "me"),
        ("${workflow.input.name|me}", "Ann Lee"),
        ("${workflow.input.zero|1}", "0"),
        ("<${workflow.input.nobody|}>", "<>"),
        ("${nobody.at.all|a|b;c=d}", "a|b;c=d"),
        ("${nobody|$5 {}", "$5 {"),
    ],
)
def test_a_default_stands_in_for_what_is_not_there_or_empty(template: str, rendered: str) -> None:
    assert render(template, SCOPE) == rendered


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ("?q=${encoding=url;workflow.input.q}", "?q=a%2Fb%26%22%3C%C3%A4%3E"),
        ("?q=${workflow.input.q;encoding=url}", "?q=a%2Fb%26%22%3C%C3%A4%3E"),
        ("<b>${encoding=html;workflow.input.q}</b>", "<b>a/b&amp;&quot;&lt;ä&gt;</b>"),
        ("${encoding=plain;workflow.input.q}", 'a/b&"<ä>'),
        ("${encoding=url;workflow.input.tags}", "%5B%22a%22%2C%7B%22b%22%3A%5B1%2C2%5D%7D%5D"),
        ("${encoding=url;workflow.input.nobody|a%20b}", "a%20b"),
        ("${workflow.input.q|me;encoding=url}", "a%2Fb%26%22%3C%C3%A4%3E"),
        ("${workflow.input.nobody|me;encoding=url}", "me"),
    ],
)
def test_a_modifier_encodes_what_is_put_in(template: str, rendered: str) -> None:
    assert render(template, SCOPE) == rendered


def test_a_value_that_equals_the_default_is_encoded_all_the_same() -> None:
    assert render("${encoding=url;v|a b}", Names({"v": "a b"})) == "a%20b"


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ("$${workflow.input.name}", "${workflow.input.name}"),
        ("a$${b", "a${b"),
        ("$$${x", "$${x"),
        ("$${${env.HOME}", "${/home/ann"),
        ("$$", "$$"),
    ],
)
def test_the_characters_themselves_are_written_with_a_second_dollar(template: str, rendered: str) -> None:
    assert render(template, SCOPE) == rendered


def test_a_value_is_not_rendered_again() -> None:
    scope = Names({"a": "${b} $${ ${", "b": "never"})
    assert render("<${a}>", scope) == "<${b} $${ ${>"
    assert render_value({"x": "${a}", "y": ["-${a}"]}, scope) == {"x": "${b} $${ ${", "y": ["-${b} $${ ${"]}


def test_a_string_that_is_one_name_keeps_the_type_of_its_value() -> None:
    template = {"all": "${workflow.input.tags}", "text": "no ${workflow.input.id}", "n": 1, "deep": [["${workflow.input.ok}", None]]}
    assert render_value(template, SCOPE) == {"all": ["a", {"b": [1, 2]}], "text": "no 7", "n": 1, "deep": [[True, None]]}
    assert render_value("${encoding=url;workflow.input.id}", SCOPE) == "7"
    assert render_value("${workflow.input.none}", SCOPE) is None
    assert render_value("${workflow.input.none|5}", SCOPE) == "5"
    assert render_value({"${env.HOME}": ""}, SCOPE) == {"${env.HOME}": ""}


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("${workflow.input.nmae}", "${workflow.input.nmae}: 'workflow' has no 'input.nmae'; it has: input.name, input.id, input.ratio, "),
        ("a ${nobody.x} b", "${nobody.x}: there is no 'nobody'; it has: workflow, env, first-task"),
        ("${workflow.input.tags.2}", "no 'input.tags.2'; it has: input.tags.0, input.tags.1"),
        ("${workflow.input.tags.-1}", "no 'input.tags.-1'"),
        ("${workflow.input.name.first}", "no 'input.name.first'; it has: nothing"),
    ],
)
def test_a_name_that_is_not_there_is_told_with_those_that_are(template: str, told: str) -> None:
    with pytest.raises(UnknownName) as raised:
        render(template, SCOPE)
    assert told in str(raised.value)
    with pytest.raises(UnknownName):
        render_value([template], SCOPE)


def test_what_an_error_lists_is_short() -> None:
    crowd = Names({"x": {f"{number}{'y' * 1000}": number for number in range(10_000)}})
    with pytest.raises(UnknownName, match=r", …$") as raised:
        render("${x." + "z" * 100_000 + "}", crowd)
    assert len(str(raised.value)) < 1000


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("a ${workflow.input.x", "'${workflow.input.x' has no closing }; write $${ for the characters themselves"),
        ("${}", "${} is no name such as ${workflow.input.x}"),
        ("${|x}", "${|x} is no name"),
        ("${a..b}", "${a..b} is no name"),
        ("${.a}", "is no name"),
        ("${encoding=url}", "is no name"),
        ("${encoding=url;a;b}", "is no name"),
        ("${encoding=base64;a}", "'encoding=base64' in ${encoding=base64;a} is no encoding=url, encoding=html or encoding=plain"),
        ("${coding=url;a}", "'coding=url' in"),
        ("${" * 50_000, "has no closing }"),
    ],
)
def test_what_cannot_be_read_is_told_when_it_is_loaded_and_when_it_is_filled_in(template: str, told: str) -> None:
    for fill in (names_in, lambda text: render(text, SCOPE), lambda text: render_value({"x": text}, SCOPE)):
        with pytest.raises(TemplateFault) as raised:
            fill(template)
        assert told in str(raised.value)
        assert len(str(raised.value)) < 300


def test_the_names_in_a_definition_are_listed_in_their_order() -> None:
    template = {"url": "http://x/${env.HOME}", "body": [1, "${encoding=url;workflow.input.id|0}", {"deep": "$${no} ${first-task.json}"}]}
    assert names_in(template) == [
        Placeholder(("env", "HOME"), None, "plain"),
        Placeholder(("workflow", "input", "id"), "0", "url"),
        Placeholder(("first-task", "json"), None, "plain"),
    ]


@pytest.mark.parametrize("template", ["${big}" * 20, ["${big}"] * 20, {"a": ["x ${big}"] * 20}, ["${list}"] * 20])
def test_a_small_template_does_not_come_to_more_than_fits(template: Any) -> None:
    scope = Names({"big": "x" * (RENDERED_MAX // 10), "list": ["x" * (RENDERED_MAX // 10)]})
    with pytest.raises(TemplateFault, match=f"more than {RENDERED_MAX} characters"):
        render_value(template, scope)


@pytest.mark.parametrize("template", ["${v}", "a ${v}", "${encoding=url;v}"])
@pytest.mark.parametrize("value", ["\ud800", {"x": "\ud800"}, float("nan")])
def test_a_value_that_is_no_text_is_a_fault(template: str, value: Any) -> None:
    with pytest.raises(TemplateFault, match="cannot be put into a text"):
        render_value(template, Names({"v": value}))


@given(st.text().filter(lambda text: "${" not in text))
def test_a_text_without_names_is_unchanged(text: str) -> None:
    assert render(text, SCOPE) == text
    assert names_in(text) == []


@given(JSON)
def test_a_sole_name_keeps_any_value_as_it_is(value: Any) -> None:
    assert json.dumps(render_value("${v}", Names({"v": value}))) == json.dumps(value)


def escaped(value: Any) -> Any:
    """The template of a value."""
    match value:
        case str():
            return value.replace("${", "$${")
        case list():
            return [escaped(inner) for inner in value]
        case dict():
            return {name: escaped(inner) for name, inner in value.items()}
    return value


@given(JSON, JSON)
def test_json_with_names_renders_to_json(template: Any, value: Any) -> None:
    """A template of any shape, with a name at its heart; its own texts are escaped."""
    rendered = render_value({"whole": "${v}", "part": "=${v}", "rest": escaped(template)}, Names({"v": value}))
    assert json.loads(json.dumps(rendered)) == {
        "whole": value,
        "part": "=" + (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))),
        "rest": template,
    }


@given(st.text("${}|;.=ab \\\n"))
def test_whatever_is_written_is_rendered_or_refused(template: str) -> None:
    with suppress(TemplateFault):
        rendered = render(template, Names({"a": "1", "b": {"a": ["${a}"]}}))
        assert ("${" in rendered) <= ("$${" in template or "b" in template)
