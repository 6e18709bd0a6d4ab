"""The catalog: what can be started, and what jobs that started earlier go on with."""

from pathlib import Path

import pytest

from cameron.core.process import Process
from cameron.definitions import Settings, load
from cameron.errors import ConfigError, ProcessNotFound
from cameron.misconfigured import Misconfigured
from cameron.otp import StartFailed
from cameron.process_catalog import Catalog, ProcessCatalog


def processes(folder: Path, **urls: str) -> list[Process]:
    file = folder / "processes.config"
    entries = ", ".join(f'{{{name}, {{start_activity_url, "{url}"}}}}' for name, url in urls.items())
    file.write_text(f"{{processes, [{entries}]}}.")
    return load(file)


def test_a_published_process_is_found_by_its_name(tmp_path: Path) -> None:
    catalog = Catalog(Settings())
    catalog.publish(processes(tmp_path, foo="http://a/start", bar="http://b/start"))
    assert catalog.names() == ["foo", "bar"]
    assert catalog.process("foo").start_url == "http://a/start"


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
    assert catalog.process("foo").start_url == "http://new/start"
    assert catalog.started_with(old.digest) == old


def test_a_stored_definition_is_met_again_as_the_very_same_process(tmp_path: Path) -> None:
    (stored,) = processes(tmp_path, foo="http://a/start")
    catalog = Catalog(Settings())
    assert catalog.started_with(stored.digest) is None
    assert catalog.meet(stored.document) == stored
    assert catalog.started_with(stored.digest) == stored


def test_a_process_that_is_gone_from_the_file_still_reads_as_the_main_dialect() -> None:
    assert Catalog(Settings()).dialect_of("gone").name == "cameron"


def test_a_file_that_cannot_be_read_fails_the_actors_start_without_a_traceback(tmp_path: Path) -> None:
    file = tmp_path / "broken.config"
    file.write_text("{processes, [")
    with pytest.raises(StartFailed) as caught:
        ProcessCatalog.start(Catalog(Settings()), file, Settings())
    assert isinstance(caught.value.reason, Misconfigured)
    assert isinstance(caught.value.reason.error, ConfigError)
    assert "broken.config:1:" in str(caught.value)
