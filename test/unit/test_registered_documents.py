"""What is registered: what makes processes, and what is told of the rest."""

import json

import pytest

from cameron.definitions import Settings
from cameron.definitions.registrar import identity
from cameron.process_catalog import Catalog
from cameron.registered_documents import compiled, known_of, named
from cameron.store.registered import Slot, Snapshot

from .registered import documents, workflow

REGISTRARS = Catalog(Settings()).registrars()
SOUND = documents(workflow("one"), workflow("two"))


def snapshot(*strays: str, **odd: str) -> Snapshot:
    """Two sound workflows, and odd texts registered as workflows of the given names."""
    texts = {Slot("machinery", *place): json.dumps(document) for place, document in SOUND.items()}
    return Snapshot(7, texts | {Slot("machinery", "workflow", name): text for name, text in odd.items()}, strays)


def test_each_workflow_is_a_process() -> None:
    processes, problems = compiled(snapshot(), REGISTRARS)
    assert ([process.name for process in processes], problems) == (["one", "two"], [])


@pytest.mark.parametrize(
    "text", ["", "no JSON", "[]", "7", "{}", '{"name": "odd", "services": 7}', json.dumps(workflow("odd", "nobody")[1])]
)
def test_one_that_is_broken_is_a_problem_and_takes_no_other_down(text: str) -> None:
    processes, [problem] = compiled(snapshot(odd=text), REGISTRARS)
    assert [process.name for process in processes] == ["one", "two"]
    assert "workflow 'odd'" in problem


def test_what_bears_no_name_or_is_in_a_dialect_that_this_node_does_not_know_is_a_problem_each() -> None:
    seen = snapshot("stray thing")
    later = Snapshot(seen.version, {**seen.documents, Slot("later", "flow", "x y"): "{}"}, seen.strays)
    processes, problems = compiled(later, REGISTRARS)
    assert [process.name for process in processes] == ["one", "two"]
    assert [("stray thing" in problem, "later" in problem) for problem in problems] == [(True, False), (False, True)]


def test_a_dialect_that_breaks_down_over_what_it_is_given_is_a_problem() -> None:
    class Breaking:
        name, kinds = "machinery", ("workflow",)

        def __getattr__(self, name: str) -> object:
            raise RuntimeError(f"no {name} today")

    processes, [problem] = compiled(snapshot(), {"machinery": Breaking()})  # type: ignore[dict-item]
    assert processes == []
    assert "no compile today" in problem


def test_a_document_is_found_by_its_id_and_one_that_cannot_be_read_is_not() -> None:
    known = known_of(snapshot(odd="no JSON"), "machinery")
    assert known == SOUND
    ids = [identity("workflow", name) for name in ("one", "odd", "never")]
    assert [named(known, "workflow", id) for id in ids] == ["one", None, None]
    assert named(known, "service", ids[0]) is None
    assert known_of(snapshot(), "another") == {}
