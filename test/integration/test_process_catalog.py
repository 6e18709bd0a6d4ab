"""The catalog's actor on a real Redis: what is registered comes, changes and goes, while Redis does too."""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from cameron.errors import ProcessNotFound, StoreUnavailable
from cameron.job_data import Define, Undefine
from cameron.process_catalog import Catalog, Refresh
from cameron.store import keys
from cameron.store.keys import REGISTERED, REGISTERED_VERSION
from cameron.store.redis import reader

from ..acceptance.support.redis_server import RedisServer
from ..acceptance.support.waiting import eventually
from .catalogs import FOO, PATIENCE_S, CatalogNode, service, workflow
from .relay import Relay
from .stand import Stand

Start = Callable[..., CatalogNode]


@pytest.fixture
def start(redis: RedisServer, client: Any, tmp_path: Path) -> Iterator[Start]:
    """Start a node's catalog; all are stopped in the end."""
    made = list[CatalogNode]()

    def started(url: str = redis.url, name: str = f"catalog of {tmp_path}", catalog: Catalog | None = None) -> CatalogNode:
        made.append(CatalogNode(tmp_path, url, f"{name} {len(made)}", catalog))
        return made[-1]

    yield started
    for node in made:
        node.stop()


@pytest.fixture
def written() -> Iterator["SimpleQueue[Any]"]:
    """What job_data is told."""
    told: SimpleQueue[Any] = SimpleQueue()
    stand: Any = Stand.start(told, name="job_data")
    yield told
    stand.exit()
    eventually(lambda: not stand.is_alive(), "job_data to end")


def test_what_files_define_is_there_at_once_and_what_is_registered_soon(start: Start) -> None:
    node = start()
    assert node.catalog.names() == ["foo"]
    eventually(lambda: node.catalog.registered == (), "what is registered to be read")
    assert node.catalog.problems == ()


def test_what_is_registered_on_a_node_is_known_to_it_at_once_and_to_others_soon(start: Start) -> None:
    here, there = start(), start()
    _, id = here.register(service(), workflow("shout"))
    assert here.catalog.process("shout") == here.catalog.process(id)
    eventually(lambda: "shout" in there.catalog.names(), "the other node to see it")
    assert there.catalog.process(id) == here.catalog.process(id)


def test_a_change_and_a_deletion_are_seen_by_others_too(start: Start) -> None:
    here, there = start(), start()
    _, id = here.register(service(), workflow("shout"))
    here.register(service(address="http://127.0.0.1:2/"))
    eventually(lambda: target(there, "shout") == "http://127.0.0.1:2/", "the other node to see the change")
    here.registration.unregister("machinery", "workflow", id)
    assert here.catalog.names() == ["foo"]
    eventually(lambda: there.catalog.names() == ["foo"], "the other node to see it go")


def target(node: CatalogNode, name: str) -> str:
    """What the process calls first; "" where there is none."""
    try:
        return node.catalog.process(name).start_target
    except ProcessNotFound:
        return ""


def test_a_refresh_is_answered_when_what_was_registered_before_it_is_known(start: Start) -> None:
    here, there = start(), start()
    here.register(service())
    for number in range(20):
        [id] = here.register(workflow(f"w{number}"))
        there.refresh()
        assert there.catalog.process(id).name == f"w{number}"


def test_a_flood_of_refreshes_is_answered_by_a_few_looks(start: Start, client: Any) -> None:
    node = start()
    node.refresh()
    before = client.info("commandstats").get("cmdstat_get", {"calls": 0})["calls"]
    futures = [node.ref.ask(Refresh(), block=False) for _ in range(500)]
    assert {future.get(timeout=PATIENCE_S) for future in futures} == {0}
    assert client.info("commandstats")["cmdstat_get"]["calls"] - before < 250


def test_all_that_was_registered_is_there_after_a_restart(start: Start) -> None:
    first = start()
    _, id = first.register(service(), workflow("shout"))
    process = first.catalog.process(id)
    first.stop()
    second = start()
    second.refresh()
    assert second.catalog.process(id) == process


def test_an_actor_that_is_started_again_lets_nothing_registered_go(start: Start) -> None:
    first = start()
    first.register(service(), workflow("shout"))
    first.stop()
    again = start(catalog=first.catalog)
    assert "shout" in again.catalog.names()
    again.refresh()
    assert again.catalog.names() == ["foo", "shout"]


# what job_data is told


def test_every_definition_is_stored_once_before_a_job_can_start_with_it(start: Start, written: "SimpleQueue[Any]") -> None:
    node = start()
    node.register(service(), workflow("shout"), workflow("other"))
    process, other = node.catalog.process("shout"), node.catalog.process("other")
    told = [written.get(timeout=PATIENCE_S) for _ in range(3)]
    assert [define.process for define in told] == ["foo", "shout", "other"]
    assert told[1] == Define("shout", process.digest, process.document)
    node.register(service(address="http://127.0.0.1:2/"))
    changed = [written.get(timeout=PATIENCE_S) for _ in range(2)]
    assert sorted(define.process for define in changed) == ["other", "shout"]
    assert not {define.digest for define in changed} & {process.digest, other.digest}
    node.refresh()
    assert written.empty()
    node.register(service())  # as it was: what jobs start with is what job_data was told last
    back = [written.get(timeout=PATIENCE_S) for _ in range(2)]
    assert {define.digest for define in back} == {process.digest, other.digest}


def test_what_no_job_starts_with_any_more_is_not_stored_again(start: Start, written: "SimpleQueue[Any]") -> None:
    node = start()
    node.register(service())
    [id] = node.register(workflow("shout"))
    node.registration.unregister("machinery", "workflow", id)
    told = [written.get(timeout=PATIENCE_S) for _ in range(3)]
    assert [type(one) for one in told] == [Define, Define, Undefine]
    assert told[2] == Undefine("shout")
    node.register(workflow("shout"))
    assert written.get(timeout=PATIENCE_S) == told[1]
    assert written.empty()


def test_what_a_file_defines_is_what_is_stored_though_another_is_registered_under_its_name(
    start: Start, written: "SimpleQueue[Any]"
) -> None:
    first = start()
    [_, id] = first.register(service(), workflow("shout"))
    first.file.write_text(FOO.replace("{foo", "{shout"))
    second = start()
    second.refresh()
    told = [written.get(timeout=PATIENCE_S) for _ in range(3)]
    assert [one.digest for one in told[1:]] == [first.catalog.process(id).digest, second.catalog.process("shout").digest]
    assert written.empty()
    assert second.catalog.name_of(id) == "shout"


# what is broken


def test_a_broken_one_is_told_once_and_takes_no_other_down(start: Start, client: Any, caplog: pytest.LogCaptureFixture) -> None:
    node = start()
    node.register(service(), workflow("shout"))
    with caplog.at_level(logging.WARNING, "cameron.process_catalog"):
        client.hset(REGISTERED, mapping={"machinery workflow odd": "no JSON", "stray": "{}"})
        for _ in range(3):
            client.incr(REGISTERED_VERSION)
            node.refresh()
    assert node.catalog.names() == ["foo", "shout"]
    assert len(node.catalog.problems) == 2
    assert sorted(record.getMessage() for record in caplog.records) == sorted(node.catalog.problems)
    node.register(workflow("odd"))
    assert [problem for problem in node.catalog.problems if "odd" in problem] == []
    assert sorted(node.catalog.names()) == ["foo", "odd", "shout"]


def test_a_broken_file_in_the_folder_is_a_problem_and_takes_nothing_else_down(
    start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "definitions" / "mender"
    folder.mkdir(parents=True)
    (folder / "broken.json").write_text("{")
    with caplog.at_level(logging.WARNING, "cameron.process_catalog"):
        node = start()
    assert node.catalog.names() == ["foo"]
    [problem] = node.catalog.problems
    assert "broken.json" in problem
    assert [record.getMessage() for record in caplog.records] == [problem]


def test_what_stands_at_the_key_by_somebodys_slip_is_a_problem_and_what_was_read_before_stays(start: Start, client: Any) -> None:
    node = start()
    node.register(service(), workflow("shout"))
    client.rename(REGISTERED, "aside")
    client.rpush(REGISTERED, "x")
    client.incr(REGISTERED_VERSION)
    with pytest.raises(StoreUnavailable, match=REGISTERED):
        node.refresh()
    assert node.catalog.names() == ["foo", "shout"]
    assert [REGISTERED in problem for problem in node.catalog.problems] == [True]
    client.rename("aside", REGISTERED)
    node.refresh()
    assert (node.catalog.names(), node.catalog.problems) == (["foo", "shout"], ())


def test_documents_that_were_changed_behind_the_number_are_seen_in_the_end(
    start: Start, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cameron.process_catalog.READ_EACH", 3)
    node = start()
    node.register(service(), workflow("shout"))
    client.hdel(REGISTERED, "machinery workflow shout")
    eventually(lambda: node.catalog.names() == ["foo"], "it to be read again")


# a Redis that is away


def test_without_redis_files_are_published_and_what_is_registered_comes_with_it(start: Start, relay: Relay) -> None:
    start().register(service(), workflow("shout"))
    relay.close()
    late = start(url=relay.url)
    with pytest.raises(StoreUnavailable):
        late.refresh()
    assert (late.catalog.names(), late.catalog.registered, late.catalog.problems) == (["foo"], None, ())
    relay.open()
    eventually(lambda: late.catalog.names() == ["foo", "shout"], "what is registered to come")


def test_while_redis_is_away_what_was_registered_goes_on_being_known(start: Start, relay: Relay) -> None:
    node = start(url=relay.url)
    node.register(service(), workflow("shout"))
    relay.close()
    with pytest.raises(StoreUnavailable):
        node.refresh()
    assert node.catalog.names() == ["foo", "shout"]
    relay.open()
    assert eventually(lambda: node.catalog.names(), "it to be back") == ["foo", "shout"]
    start().register(workflow("other"))
    eventually(lambda: "other" in node.catalog.names(), "it to see changes again")


def test_a_definition_that_was_met_in_redis_is_the_one_that_was_stored(start: Start, redis: RedisServer, client: Any) -> None:
    node = start()
    node.register(service(), workflow("shout"))
    process = node.catalog.process("shout")
    client.set(keys.definition("shout", process.digest), process.document)
    stored = reader(redis.url, PATIENCE_S).get(keys.definition("shout", process.digest))
    assert Catalog(node.settings).meet(str(stored)) == process
    assert json.loads(process.document)["services"]["upper"]["address"] == "http://127.0.0.1:1/"
