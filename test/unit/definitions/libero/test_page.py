"""What docs/libero.md shows, held against the code."""

import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cameron.definitions import Settings, schema
from cameron.definitions.libero.activity_list import ENGINES_OWN
from cameron.definitions.libero.dialect import LiberoDialect
from cameron.definitions.libero.states import SCHEDULED, SUCCEEDED, VOCABULARY, WORKFLOW

PROJECT = Path(__file__).resolve().parents[4]
PAGE = (PROJECT / "docs" / "libero.md").read_text(encoding="utf-8")
FENCES: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
JSON: list[Any] = [json.loads(text) for language, text in FENCES if language == "json"]
WORKFLOWS = [said for said in JSON if "activities" in said]
PYTHON = [text for language, text in FENCES if language == "python"]


def rows(heading: str) -> list[str]:
    """What the first cells of a table's rows have between backticks."""
    table = PAGE[PAGE.index(f"\n| {heading} |") + 1 :].partition("\n\n")[0].splitlines()
    return [found[1] for row in table[2:] if (found := re.match(r"\| `(.*?)`", row))]


def test_the_first_definition_is_the_one_in_its_folder() -> None:
    shown = next(text for language, text in FENCES if language == "json")
    assert shown == (PROJECT / "priv" / "definitions" / "libero" / "dummy_workflow.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("definition", WORKFLOWS, ids=lambda said: said["name"])
def test_the_definitions_can_be_used(definition: dict[str, Any]) -> None:
    assert schema.faults("libero", definition) == []
    assert LiberoDialect(Settings()).from_file(definition, "here").name == definition["name"]


def test_every_member_of_a_definition_is_listed() -> None:
    published = json.loads(schema.schema_text("libero"))
    assert sorted(rows("of the workflow")) == sorted(published["properties"])
    kinds = {"kind", "url", "command", "delay_s", "activity"}
    assert {*rows("of an activity"), *ENGINES_OWN} == published["$defs"]["activity"]["properties"].keys() - kinds
    assert {"kind", "url", "command", "delay_s", "activity"} <= {*re.findall(r'"(\w+)":', PAGE)}


def test_what_the_engine_takes_from_a_config_is_listed() -> None:
    assert rows("setting") == list(ENGINES_OWN)


def test_all_states_are_listed() -> None:
    assert rows("a workflow is") == list(WORKFLOW.values())
    of_activities = {said["state"] for word, said in VOCABULARY.items() if word.startswith("task.")}
    assert {*rows("an activity is")} == {*of_activities, "Pending"}
    assert {SCHEDULED, SUCCEEDED} <= of_activities


def test_all_decisions_are_listed_with_their_events() -> None:
    shown = [re.findall(r"`([\w.-]+)`", row.rpartition("| ")[0]) for row in PAGE.splitlines() if row.startswith("| `")]
    told = [[said["decision"], *word.split(" ")] for word, said in VOCABULARY.items() if "decision" in said]
    assert [row for row in told if row not in shown] == []


def test_the_event_shown_has_the_words_that_it_has() -> None:
    [event] = [said for said in JSON if "event" in said]
    assert VOCABULARY[event["event"]].items() <= event.items()


@pytest.mark.parametrize("number", range(2))
def test_the_activities_shown_can_be_found(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cameron.activities.python_package import discover

    name = f"shown_on_the_page_{number}"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("")
    (tmp_path / name / "one.py").write_text(PYTHON[number], encoding="utf-8")
    monkeypatch.setattr(sys, "path", [*sys.path])
    found = discover(name, tmp_path)
    assert (list(found.activities), list(found.problems)) == ([["DoSomethingActivity"], ["charge"]][number], [])


def test_the_test_shown_passes(cameron: Any) -> None:
    [shown] = [text for text in PYTHON if text.startswith("def test_")]
    module = ModuleType("shown")
    exec(compile(shown, "docs/libero.md", "exec"), module.__dict__)
    [test] = [made for name, made in vars(module).items() if name.startswith("test_")]
    test(cameron)
