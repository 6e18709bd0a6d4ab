"""The published schemas, and what a definition that does not fit one is told."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cameron.core.strict_json import parse
from cameron.definitions import Settings, dialects, schema, schema_fault
from cameron.definitions.options import OPTIONS
from cameron.definitions.schema import Fault

OF_ONE_URL = ["cameron", "tickets"]
SOUND = {"name": "foo", "start_activity_url": "http://a/start"}
NAME = "the name by which the process is started: 1 to 64 letters, digits, '_', '.' or '-', and no id (32 hex digits)"


def published(dialect: str) -> Any:
    return parse(schema.schema_text(dialect).encode())


def told(**members: object) -> list[str]:
    """What is told about a definition with these members besides what it needs."""
    return [str(fault) for fault in schema.faults("cameron", SOUND | members)]


def about(said: dict[str, Any], value: object) -> list[str]:
    """What is told about a value where the schema says this."""
    return [str(fault) for error in schema.DefinitionValidator(said).iter_errors(value) for fault in schema_fault.faults_of(error)]


# The schemas


def test_every_dialect_has_a_schema() -> None:
    assert set(schema.names()) == set(dialects(Settings()))


@pytest.mark.parametrize("dialect", schema.names())
def test_a_schema_is_one_by_the_metaschema_and_says_what_it_is(dialect: str) -> None:
    said = published(dialect)
    Draft202012Validator.check_schema(said)
    assert said["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert said["$id"] == f"urn:cameron:schema:{dialect}"
    assert said["title"]


def properties(said: Any) -> Iterator[tuple[str, Any]]:
    for name, inner in said.get("properties", {}).items():
        yield name, inner
        yield from properties(inner)


@pytest.mark.parametrize("dialect", [*OF_ONE_URL, "libero"])
def test_each_property_is_described(dialect: str) -> None:
    assert [name for name, said in properties(published(dialect)) if not said.get("description", "").endswith(".")] == []


@pytest.mark.parametrize("dialect", schema.names())
def test_the_examples_of_a_schema_fit_it(dialect: str) -> None:
    assert [fault for example in published(dialect).get("examples", []) for fault in schema.faults(dialect, example)] == []


@pytest.mark.parametrize("dialect", OF_ONE_URL)
def test_the_options_are_those_that_there_are(dialect: str) -> None:
    said = published(dialect)["properties"]["options"]["properties"]
    nested = [f"retry.{name}" for name in said.pop("retry")["properties"]]
    assert list(said) == list(OPTIONS)
    assert nested == [name for name in OPTIONS if name.startswith("retry.")]


VALUES: list[object] = [
    0,
    0.0005,
    0.5,
    1,
    2.0,
    1001,
    86_401,
    4000,
    1e7 + 1,
    10**8,
    3.2e8,
    1e10,
    True,
    "key",
    "forever",
    "no",
    [],
    ["refused"],
    ["x"],
]


@pytest.mark.parametrize("dialect", OF_ONE_URL)
@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_may_be_what_its_own_table_says(dialect: str, name: str) -> None:
    """A value that the schema takes is one that the node takes, and the other way round."""
    said = published(dialect)["properties"]["options"]["properties"][name]

    def is_taken(value: object) -> bool:
        try:
            OPTIONS[name].kind.read(value)
        except ValueError:
            return False
        return True

    by_schema = [value for value in VALUES if not about(said, value)]
    assert by_schema == [value for value in VALUES if is_taken(value)]
    assert by_schema


def test_a_dialect_or_part_that_has_no_schema_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="no schema for the dialect 'cobol'"):
        schema.schema_text("cobol")
    with pytest.raises(KeyError, match="'process'"):
        schema.faults("cameron", {}, part="process")


def test_a_part_is_checked_by_itself() -> None:
    assert [fault.field for fault in schema.faults("machinery", {"name": "upper", "address": "http://a/"}, part="service")] == [
        "inputs",
        "outputs",
    ]
    assert [str(fault) for fault in schema.faults("machinery", [], part="event")] == ["$: must be an object, not an empty list"]


# Faults


def test_a_sound_definition_has_no_faults() -> None:
    assert told() == []
    assert told(version=3, description="a process", options={"retry.attempts": 5, "retention_s": "forever", "retry.on": ["http_5xx"]}) == []


def test_each_missing_member_is_a_fault_that_says_what_it_is_for() -> None:
    assert schema.faults("cameron", {}) == [
        Fault("$.name", f"is missing: {NAME}"),
        Fault("$.start_activity_url", "is missing: where the first activity is called: a URL that begins with http:// or https://"),
    ]


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"name": 5}, "$.name: must be a string, not 5"),
        ({"name": None}, "$.name: must be a string, not null"),
        (
            {"name": "foo bar"},
            f"$.name: 'foo bar' will not do: {NAME}",
        ),
        (
            {"start_activity_url": "ftp://a/"},
            "$.start_activity_url: 'ftp://a/' will not do: where the first activity is called: a URL that begins with http:// or https://",
        ),
        ({"version": 1.0}, "$.version: must be a whole number, not 1.0"),
        ({"version": True}, "$.version: must be a whole number, not true"),
        ({"version": -1}, "$.version: must be at least 0, not -1"),
        ({"start_activity_uri": "http://a/"}, "$.start_activity_uri: 'start_activity_uri' is unknown; did you mean 'start_activity_url'?"),
        ({"VERSION": 2}, "$.VERSION: 'VERSION' is unknown; did you mean 'version'?"),
        (
            {"zzz": 2},
            "$.zzz: 'zzz' is unknown; known here: name, description, version, start_activity_url, options",
        ),
        ({"options": []}, "$.options: must be an object, not an empty list"),
        ({"options": {"retry.attempts": 0}}, "$.options['retry.attempts']: must be at least 1, not 0"),
        ({"options": {"max_tasks": 10**8}}, "$.options.max_tasks: must be at most 10000000, not 100000000"),
        ({"options": {"unique": True}}, "$.options.unique: must be 'key', not true"),
        (
            {"options": {"retention_s": "never"}},
            "$.options.retention_s: 'never' will not do: "
            'how many seconds an ended job stays in Redis, at least 1; 0 or "forever": for ever',
        ),
    ],
)
def test_a_fault_says_where_it_is_and_what_would_do(members: dict[str, object], text: str) -> None:
    assert told(**members) == [text]


def test_all_faults_are_told_in_the_order_of_their_places() -> None:
    paths = [
        fault.path
        for fault in schema.faults("cameron", {"name": 1, "options": {"retry.on": ["refused", "x", *["refused"] * 9, "y"]}, "version": "1"})
    ]
    assert paths == ["$.start_activity_url", "$.name", "$.options['retry.on'][1]", "$.options['retry.on'][11]", "$.version"]


def test_of_very_many_faults_some_are_told() -> None:
    faults = schema.faults("cameron", SOUND | {f"member_{number}": 1 for number in range(10_000)})
    assert [fault.path for fault in faults] == [f"$.member_{number}" for number in range(schema.FAULTS_MAX)]


def test_a_very_long_name_is_cut() -> None:
    [fault] = schema.faults("cameron", SOUND | {"x" * 100_000: 1})
    assert len(str(fault)) < 500


@pytest.mark.parametrize(
    ("path", "field"),
    [("$", ""), ("$.name", "name"), ("$.tasks[0].uri", "tasks"), ("$['retry.on'][1]", "retry.on"), ('$["it\'s"]', "it's"), ("$[0].a", "")],
)
def test_a_fault_lies_in_a_member_of_the_document(path: str, field: str) -> None:
    assert Fault(path, "").field == field


@pytest.mark.parametrize(
    ("said", "value", "text"),
    [
        ({"enum": ["http", "cli"]}, "htpp", "$: must be 'http' or 'cli', not 'htpp'; did you mean 'http'?"),
        ({"enum": [1, None, "a"]}, 2, "$: must be 1, null or 'a', not 2"),
        ({"type": ["string", "object"]}, 5, "$: must be a string or an object, not 5"),
        ({"pattern": "^a"}, "b", "$: must match ^a, not be 'b'"),
        ({"pattern": "^a", "title": "A name with an a."}, "b", "$: 'b' will not do: a name with an a"),
        ({"pattern": "^a", "title": "URL of it"}, "b", "$: 'b' will not do: URL of it"),
        ({"pattern": "^a"}, "b" * 100, f"$: must match ^a, not be '{'b' * 60}…'"),
        ({"minLength": 1, "description": "the name"}, "", "$: must not be empty: the name"),
        ({"minLength": 3}, "ab", "$: must have at least 3 characters, not 2"),
        ({"maxLength": 1}, "ab", "$: must have at most 1 characters, not 2"),
        ({"minItems": 1}, [], "$: must not be empty"),
        ({"minItems": 2}, [1], "$: must have at least 2 entries, not 1"),
        ({"maxItems": 1}, [1, 2], "$: must have at most 1 entries, not 2"),
        ({"uniqueItems": True}, ["a", "b", "a"], "$: has 'a' twice: remove one"),
        ({"exclusiveMinimum": 0}, 0, "$: must be more than 0, not 0"),
        ({"exclusiveMaximum": 1}, 1.5, "$: must be less than 1, not 1.5"),
        ({"multipleOf": 2}, 3, "$: must be a multiple of 2, not 3"),
        ({"minProperties": 1}, {}, "$: must not be empty"),
        ({"minProperties": 2}, {"a": 1}, "$: must have at least 2 members, not 1"),
        ({"maxProperties": 0}, {"a": 1}, "$: must have at most 0 members, not 1"),
        ({"properties": {"a": False}}, {"a": 1}, "$.a: must not be given here"),
        ({"propertyNames": {"pattern": "^x"}}, {"a": 1}, "$: the name must match ^x, not be 'a'"),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, "$.b: is missing: 'a' needs it"),
        ({"patternProperties": {"^x": {}}, "additionalProperties": False}, {"xa": 1, "a": 1}, "$.a: 'a' is unknown"),
        ({"additionalProperties": {"type": "string"}}, {"X-A": 1}, "$['X-A']: must be a string, not 1"),
        ({"not": {"type": "string"}, "description": "No text."}, "a", "$: 'a' will not do: no text (not)"),
    ],
)
def test_every_keyword_has_words_for_a_person(said: dict[str, Any], value: object, text: str) -> None:
    assert about(said, value) == [text]


HTTP = {"type": "object", "properties": {"kind": {"const": "http"}, "url": {"type": "string"}}, "required": ["url"]}
DELAY = {"type": "object", "properties": {"kind": {"const": "delay"}, "delay_s": {"type": "number"}}, "required": ["kind", "delay_s"]}


@pytest.mark.parametrize("several", ["anyOf", "oneOf"])
@pytest.mark.parametrize(
    ("value", "texts"),
    [
        (5, ["$: must be a string or an object, not 5"]),
        ({"kind": "dealy"}, ["$.kind: must be 'http' or 'delay', not 'dealy'; did you mean 'delay'?"]),
        ({"kind": "delay"}, ["$.delay_s: is missing"]),
        ({"kind": "http", "url": 5}, ["$.url: must be a string, not 5"]),
    ],
)
def test_of_several_forms_the_one_that_was_meant_is_told_about(several: str, value: object, texts: list[str]) -> None:
    forms = [HTTP, DELAY] if isinstance(value, dict) else [{"type": "string"}, HTTP]
    assert about({several: forms}, value) == texts


def test_a_value_that_fits_several_forms_of_which_it_must_be_one_is_told_so() -> None:
    said = {"oneOf": [{"type": "string"}, {"minLength": 1}], "description": "Either of them."}
    assert about(said, "a") == ["$: fits several of the forms that are allowed here, of which it must be one: either of them"]


def test_a_name_that_is_long_is_compared_with_none() -> None:
    name = "n" * 99
    [fault] = about({"type": "object", "properties": {f"{name}x": {}}, "additionalProperties": False}, {f"{name}y": 1})
    assert fault.endswith(f"is unknown; known here: {name}x")


@pytest.mark.parametrize(
    ("dialect", "part"), [("cameron", ""), ("libero", ""), ("mender", ""), ("machinery", "service"), ("machinery", "workflow")]
)
@pytest.mark.parametrize("name", ["0123456789abcdef" * 2, "0123456789ABCDEF" * 2])
def test_what_could_be_taken_for_an_id_is_no_name(dialect: str, part: str, name: str) -> None:
    [fault] = [fault for fault in schema.faults(dialect, {"name": name}, part) if fault.path == "$.name"]
    assert fault.message.endswith("no id (32 hex digits)")
    assert [fault for fault in schema.faults(dialect, {"name": name[1:]}, part) if fault.path == "$.name"] == []
    assert [fault for fault in schema.faults(dialect, {"name": f"x{name}"}, part) if fault.path == "$.name"] == []
