"""The catalog: what can be started, and what jobs that started earlier go on with."""

from collections.abc import Collection
from pathlib import Path

import pytest

from cameron.core.process import Process
from cameron.definitions import Settings, load
from cameron.errors import ConfigError, ProcessNotFound
from cameron.misconfigured import Misconfigured
from cameron.otp import StartFailed
from cameron.process_catalog import Catalog, ProcessCatalog, Sources
from cameron.store import keys

from .registered import documents, workflow


def registered(*names: str) -> list[Process]:
    """Workflows of these names."""
    return Catalog(Settings()).registrars()["machinery"].compile(documents(*map(workflow, names)))[0]


[WORKFLOW] = registered("twice")


def processes(folder: Path, **urls: str) -> list[Process]:
    file = folder / "processes.config"
    entries = ", ".join(f'{{{name}, {{start_activity_url, "{url}"}}}}' for name, url in urls.items())
    file.write_text(f"{{processes, [{entries}]}}.")
    return load(file).processes


def test_a_published_process_is_found_by_its_name(tmp_path: Path) -> None:
    catalog = Catalog(Settings())
    catalog.publish(processes(tmp_path, foo="http://a/start", bar="http://b/start"))
    assert catalog.names() == ["foo", "bar"]
    assert catalog.process("foo").start_target == "http://a/start"


def test_names_are_case_sensitive_and_an_unknown_one_is_an_error_that_carries_it(tmp_path: Path) -> None:
    catalog = Catalog(Settings())
    catalog.publish(processes(tmp_path, foo="http://a/start"))
    with pytest.raises(ProcessNotFound) as caught:
        catalog.process("Foo")
    assert caught.value.name == "Foo"


def test_a_job_goes_on_with_the_definition_it_started_with(tmp_path: Path) -> None:
    catalog = Catalog(Settings())
    catalog.publish(processes(tmp_path, foo="http://old/start"))
    old = catalog.process("foo")
    catalog.publish(processes(tmp_path, foo="http://new/start"))
    assert catalog.process("foo").start_target == "http://new/start"
    assert catalog.started_with(old.digest) == old


def test_a_stored_definition_is_met_again_as_the_very_same_process(tmp_path: Path) -> None:
    (stored,) = processes(tmp_path, foo="http://a/start")
    catalog = Catalog(Settings())
    assert catalog.started_with(stored.digest) is None
    assert catalog.meet(stored.document) == stored
    assert catalog.started_with(stored.digest) == stored


def test_a_process_nobody_here_has_ever_met_reads_as_the_main_dialect() -> None:
    assert Catalog(Settings()).dialect_of("gone").name == "cameron"


def test_a_process_that_is_defined_no_more_reads_as_the_dialect_that_it_was_in() -> None:
    catalog, elsewhere = Catalog(Settings()), Catalog(Settings())
    catalog.publish_registered([WORKFLOW])
    catalog.publish_registered([])
    elsewhere.meet(WORKFLOW.document)
    assert [made.dialect_of("twice").name for made in (catalog, elsewhere)] == ["machinery", "machinery"]
    assert (catalog.names(), elsewhere.names()) == ([], [])


# what is registered


def test_a_registered_process_is_found_by_its_name_and_by_its_alias(tmp_path: Path) -> None:
    catalog = Catalog(Settings())
    catalog.publish(processes(tmp_path, foo="http://a/start"))
    catalog.publish_registered([WORKFLOW])
    assert catalog.names() == ["foo", "twice"]
    assert [catalog.process(name) for name in ("twice", WORKFLOW.alias)] == [WORKFLOW, WORKFLOW]
    assert [catalog.name_of(name) for name in ("twice", WORKFLOW.alias, "never")] == ["twice", "twice", "never"]
    assert [catalog.in_files(name) for name in ("foo", "twice")] == [True, False]


def test_what_files_and_what_clients_define_is_published_apart(tmp_path: Path) -> None:
    catalog = Catalog(Settings())
    catalog.publish_registered([WORKFLOW], ["one is broken"])
    catalog.publish(processes(tmp_path, foo="http://a/start"), ["a file is broken"])
    assert catalog.names() == ["foo", "twice"]
    catalog.publish_registered([], ["another is broken"])
    assert catalog.names() == ["foo"]
    assert catalog.problems == ("a file is broken", "another is broken")
    with pytest.raises(ProcessNotFound):
        catalog.process(WORKFLOW.alias)


def test_whether_anything_registered_has_been_read_is_known() -> None:
    catalog = Catalog(Settings())
    known = [catalog.registered]
    catalog.publish_registered(None, ["they cannot be read"])
    known.append(catalog.registered)
    catalog.publish_registered([])
    assert [*known, catalog.registered] == [None, None, ()]


def test_where_a_file_defines_a_process_of_the_same_name_the_files_counts_and_the_other_is_a_problem(tmp_path: Path) -> None:
    catalog = Catalog(Settings())
    catalog.publish_registered([WORKFLOW])
    catalog.publish(processes(tmp_path, twice="http://a/start"))
    assert catalog.process("twice").dialect == "cameron"
    assert catalog.registered == (WORKFLOW,)
    [problem] = catalog.problems
    assert "'twice'" in problem
    assert "a file of this node" in problem
    catalog.publish([])
    assert (catalog.process("twice"), catalog.problems) == (WORKFLOW, ())


def test_jobs_are_found_by_the_alias_of_a_process_whose_name_a_file_has_taken_and_none_starts_by_it(tmp_path: Path) -> None:
    catalog = Catalog(Settings())
    catalog.publish(processes(tmp_path, twice="http://a/start"))
    catalog.publish_registered([WORKFLOW])
    assert catalog.name_of(WORKFLOW.alias) == "twice"
    assert catalog.started_with(WORKFLOW.digest) == WORKFLOW
    assert [catalog.is_known(name) for name in ("twice", WORKFLOW.alias, "never")] == [True, True, False]
    assert catalog.aliased() == {"twice"}
    with pytest.raises(ProcessNotFound):
        catalog.process(WORKFLOW.alias)


@pytest.mark.parametrize("is_first", [True, False])
def test_a_process_that_is_named_as_anothers_alias_is_passed_over_whichever_was_there_first(is_first: bool) -> None:
    [usurper] = registered(WORKFLOW.alias)
    both, catalog = [usurper, WORKFLOW] if is_first else [WORKFLOW, usurper], Catalog(Settings())
    catalog.publish_registered(both)
    assert catalog.names() == ["twice"]
    assert [catalog.process(name) for name in ("twice", WORKFLOW.alias)] == [WORKFLOW, WORKFLOW]
    assert [catalog.name_of(name) for name in ("twice", WORKFLOW.alias, usurper.alias)] == ["twice", "twice", WORKFLOW.alias]
    with pytest.raises(ProcessNotFound):
        catalog.process(usurper.alias)
    [problem] = catalog.problems
    assert f"{WORKFLOW.alias!r} cannot be started" in problem
    assert "the id of another, 'twice'" in problem
    catalog.publish_registered([usurper])
    assert (catalog.names(), catalog.problems) == ([WORKFLOW.alias], ())


def test_a_process_in_a_file_that_is_named_as_a_registered_ones_alias_is_the_one_of_that_name(tmp_path: Path) -> None:
    catalog = Catalog(Settings())
    catalog.publish([processes(tmp_path, foo="http://a/start")[0]._replace(name=WORKFLOW.alias)])
    catalog.publish_registered([WORKFLOW])
    assert catalog.names() == [WORKFLOW.alias]
    assert (catalog.process(WORKFLOW.alias).dialect, catalog.name_of(WORKFLOW.alias)) == ("cameron", WORKFLOW.alias)
    [problem] = catalog.problems
    assert "'twice'" in problem
    assert WORKFLOW.alias in problem


# what is kept


def test_of_what_no_job_starts_with_any_more_only_so_much_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cameron.process_catalog.MOST_MET", 3)
    catalog, versions = Catalog(Settings()), registered(*(f"w{number}" for number in range(10)))
    for version in versions:
        catalog.publish_registered([version])
    assert [catalog.started_with(version.digest) for version in versions] == [None] * 6 + versions[6:]
    assert [catalog.dialect_of(version.name).name for version in versions] == ["cameron"] * 6 + ["machinery"] * 4
    for version in versions:
        assert catalog.meet(version.document) == version
    assert [catalog.started_with(version.digest) for version in versions] == [None] * 6 + versions[6:]


def test_all_that_can_be_started_is_kept_however_much_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cameron.process_catalog.MOST_MET", 3)
    catalog, many, others = Catalog(Settings()), registered(*(f"w{n}" for n in range(10))), registered(*(f"o{n}" for n in range(5)))
    catalog.publish_registered(many)
    for other in others:
        catalog.meet(other.document)
    assert [catalog.started_with(process.digest) for process in many] == many


def test_what_can_be_started_is_told_before_it_can(tmp_path: Path) -> None:
    catalog, told = Catalog(Settings()), list[tuple[list[str], list[str]]]()

    def before(processes: Collection[Process]) -> None:
        told.append(([process.name for process in processes], catalog.names()))

    catalog.publish(processes(tmp_path, foo="http://a/start"), before=before)
    catalog.publish_registered([WORKFLOW, *registered("foo")], before=before)
    assert told == [(["foo"], []), (["foo", "twice"], ["foo"])]


def test_that_a_job_is_there_is_proved_by_its_hash_and_where_nobody_defines_its_process_by_its_record(tmp_path: Path) -> None:
    catalog = Catalog(Settings())
    catalog.publish(processes(tmp_path, foo="http://a/start"))
    assert catalog.job_proof("foo", "k", "u") == keys.job("foo", "k", "u")
    assert catalog.job_proof("gone", "k", "u") == keys.record("gone", "u")


def test_a_file_that_cannot_be_read_fails_the_actors_start_without_a_traceback(tmp_path: Path) -> None:
    file = tmp_path / "broken.config"
    file.write_text("{processes, [")
    with pytest.raises(StartFailed) as caught:
        ProcessCatalog.start(Catalog(Settings()), Sources(file, tmp_path, "redis://127.0.0.1:1/0", 1.0), Settings())
    assert isinstance(caught.value.reason, Misconfigured)
    assert isinstance(caught.value.reason.error, ConfigError)
    assert "broken.config:1:" in str(caught.value)
