"""Definitions that are registered while nodes run: what is taken, refused and lost, and who is quicker."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cameron.definitions.registrar import identity
from cameron.errors import DefinitionClash, DefinitionNotFound, FieldErrors, InvalidRequest, StoreUnavailable
from cameron.store.durability import Rules
from cameron.store.health import Health
from cameron.store.keys import REGISTERED, REGISTERED_VERSION
from cameron.store.strict import Strict

from ..acceptance.support.redis_server import RedisServer
from .catalogs import PATIENCE_S, CatalogNode, service, workflow
from .relay import Relay

Start = Callable[..., CatalogNode]


@pytest.fixture
def start(redis: RedisServer, client: Any, tmp_path: Path) -> Iterator[Start]:
    """Start a node's catalog; all are stopped in the end."""
    made = list[CatalogNode]()

    def started(url: str = redis.url) -> CatalogNode:
        made.append(CatalogNode(tmp_path, url, f"catalog of {tmp_path} {len(made)}"))
        return made[-1]

    yield started
    for node in made:
        node.stop()


@pytest.fixture
def node(start: Start) -> CatalogNode:
    return start()


def at_once(*acts: Callable[[], object]) -> list[object]:
    """What came of each: its value, or its error."""
    barrier, came = threading.Barrier(len(acts)), list[object]()

    def act(it: Callable[[], object]) -> None:
        barrier.wait(PATIENCE_S)
        try:
            came.append(it())
        except Exception as error:
            came.append(error)

    threads = [threading.Thread(target=act, args=(it,)) for it in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(came) == len(acts)
    return came


def test_what_is_registered_is_shown_with_its_id_by_name(node: CatalogNode) -> None:
    upper, shout, again = node.register(service(), workflow("shout"), workflow("again", "upper", "upper"))
    assert (upper, shout) == (identity("service", "upper"), identity("workflow", "shout"))
    assert [(one["workflow_id"], one["name"]) for one in node.registration.all("machinery", "workflow")] == [
        (again, "again"),
        (shout, "shout"),
    ]
    assert node.registration.one("machinery", "service", upper) == {"service_id": upper, **json.loads(service())}


def test_the_same_name_again_takes_the_place_of_the_first_under_the_same_id(node: CatalogNode) -> None:
    first, second = node.register(service(), service(address="http://127.0.0.1:2/"))
    assert first == second
    assert [one["address"] for one in node.registration.all("machinery", "service")] == ["http://127.0.0.1:2/"]


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"", "body_empty"), (b" \n", "body_empty"), (b"{", "body_not_json"), (b"\xff", "body_not_json"), (b"NaN", "body_not_json")],
)
def test_a_body_that_is_no_json_is_refused(node: CatalogNode, body: bytes, code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        node.registration.register("machinery", "service", body)
    assert caught.value.code == code


@pytest.mark.parametrize("body", [b"{}", b"[]", b"7", b'{"name": "upper"}', b'{"name": 7, "address": "x", "inputs": [], "outputs": []}'])
def test_a_document_that_is_not_sound_is_refused_with_its_fields_and_nothing_is_kept(node: CatalogNode, body: bytes, client: Any) -> None:
    with pytest.raises(FieldErrors) as caught:
        node.registration.register("machinery", "service", body)
    assert caught.value.fields
    assert not client.exists(REGISTERED, REGISTERED_VERSION)


def test_a_workflow_of_services_that_there_are_not_is_refused(node: CatalogNode) -> None:
    with pytest.raises(DefinitionClash, match="not all services exist"):
        node.register(service(), workflow("shout", "upper", "reverse"))


def test_a_workflow_of_a_name_that_a_file_has_taken_is_refused(node: CatalogNode) -> None:
    with pytest.raises(DefinitionClash, match="'foo'"):
        node.register(service(), workflow("foo"))
    assert node.registration.all("machinery", "workflow") == []


def test_a_service_stays_as_long_as_a_workflow_calls_it(node: CatalogNode) -> None:
    upper, shout = node.register(service(), workflow("shout"))
    with pytest.raises(DefinitionClash, match="shout"):
        node.registration.unregister("machinery", "service", upper)
    node.registration.unregister("machinery", "workflow", shout)
    node.registration.unregister("machinery", "service", upper)
    assert [node.registration.all("machinery", kind) for kind in ("service", "workflow")] == [[], []]


@pytest.mark.parametrize("id", ["", "0" * 32, "upper", identity("service", "upper"), "x" * 1000])
def test_an_id_that_nothing_has_is_not_found(node: CatalogNode, id: str) -> None:
    node.register(service())
    for ask in (
        lambda: node.registration.one("machinery", "workflow", id),
        lambda: node.registration.unregister("machinery", "workflow", id),
        lambda: node.registration.picture("machinery", id, "svg"),
    ):
        with pytest.raises(DefinitionNotFound) as caught:
            ask()
        assert (caught.value.kind, caught.value.id) == ("workflow", id)


def test_a_workflow_has_a_picture_and_what_is_no_workflow_has_none(node: CatalogNode) -> None:
    _, shout = node.register(service(), workflow("shout"))
    assert node.registration.picture("machinery", shout, "svg").startswith("<svg")
    assert node.registration.picture("machinery", shout, "mermaid").startswith("flowchart")
    with pytest.raises(DefinitionNotFound):
        node.registration.picture("machinery", "foo", "svg")


def test_a_name_does_for_the_id(node: CatalogNode) -> None:
    upper, shout = node.register(service(), workflow("shout"))
    assert node.registration.one("machinery", "workflow", "shout") == node.registration.one("machinery", "workflow", shout)
    assert node.registration.one("machinery", "service", "upper") == node.registration.one("machinery", "service", upper)
    node.registration.unregister("machinery", "workflow", "shout")
    assert node.registration.all("machinery", "workflow") == []


def test_what_a_document_says_twice_is_refused_and_nothing_is_kept(node: CatalogNode, client: Any) -> None:
    twice = b'{"name": "x", "name": "y", "address": "http://a/", "inputs": [{"name": "a", "type": "int", "type": "bool"}], "outputs": []}'
    with pytest.raises(FieldErrors) as caught:
        node.registration.register("machinery", "service", twice)
    assert caught.value.fields == {"name": ["is given twice: remove one"], "inputs": ["inputs[0].type: is given twice: remove one"]}
    assert not client.exists(REGISTERED, REGISTERED_VERSION)


# who is quicker


def test_what_two_nodes_register_at_once_is_all_there_in_the_end(start: Start) -> None:
    nodes = [start(), start()]
    nodes[0].register(service())
    came = at_once(*(lambda number=number: nodes[number % 2].register(workflow(f"w{number}")) for number in range(8)))
    names = [f"w{number}" for number in range(8)]
    assert sorted(map(str, came)) == sorted(str([identity("workflow", name)]) for name in names)
    for node in nodes:
        node.refresh()
        assert sorted(node.catalog.names()) == ["foo", *names]


def test_a_workflow_that_is_registered_while_its_service_is_deleted_never_stands_without_it(start: Start) -> None:
    here, there = start(), start()
    for number in range(10):
        name = f"s{number}"
        [id] = here.register(service(name))
        came = at_once(
            lambda name=name: there.register(workflow(f"of {name}".replace(" ", "-"), name)),
            lambda id=id: here.registration.unregister("machinery", "service", id),
        )
        assert sum(isinstance(one, DefinitionClash) for one in came) == 1, came
    here.refresh()
    assert here.catalog.problems == ()


def test_of_updates_of_one_definition_at_once_the_last_one_counts_everywhere(start: Start) -> None:
    here, there = start(), start()
    here.register(service(), workflow("shout"))
    addresses = [f"http://127.0.0.1:{port}/" for port in range(2, 8)]
    at_once(*((lambda node=node, to=to: node.register(service(address=to))) for node, to in zip([here, there] * 3, addresses, strict=True)))
    here.refresh(), there.refresh()
    assert here.catalog.process("shout") == there.catalog.process("shout")
    assert here.catalog.process("shout").start_target in addresses


# Redis


def test_where_redis_is_away_nothing_is_registered_and_that_is_said(start: Start, relay: Relay) -> None:
    node = start(relay.url)
    node.refresh()
    relay.close()
    for ask in (lambda: node.register(service()), lambda: node.registration.all("machinery", "service")):
        with pytest.raises(StoreUnavailable, match="redis does not answer"):
            ask()


def test_where_what_stands_at_the_key_is_no_hash_that_is_said_and_how_to_mend_it(node: CatalogNode, client: Any) -> None:
    client.set(REGISTERED, "x")
    for ask in (lambda: node.register(service()), lambda: node.registration.all("machinery", "service")):
        with pytest.raises(StoreUnavailable, match="rename"):
            ask()


def test_what_a_full_redis_refuses_is_said_to_be_refused(node: CatalogNode, client: Any) -> None:
    client.config_set("maxmemory", 1)
    with pytest.raises(StoreUnavailable, match="redis refuses"):
        node.register(service())
    client.config_set("maxmemory", 0)
    node.register(service())


def test_where_nobody_can_say_whether_it_is_fsynced_it_is_not_said_to_be_kept(
    node: CatalogNode, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    never_looked_at = Health(redis.url, PATIENCE_S, Rules(strict=True))
    monkeypatch.setattr(node.registration, "_strict", Strict(never_looked_at, redis.url, PATIENCE_S, PATIENCE_S))
    with pytest.raises(StoreUnavailable, match="may have been registered") as caught:
        node.register(service())
    assert caught.value.silent


def test_a_change_that_redis_has_lost_again_is_not_taken_for_kept(node: CatalogNode, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    refresh = node.refresh

    def after_a_crash() -> int:
        client.set(REGISTERED_VERSION, 0)
        client.delete(REGISTERED)
        return refresh()

    monkeypatch.setattr(node.registration, "_lookup", node.registration._lookup._replace(refresh=after_a_crash))
    with pytest.raises(StoreUnavailable, match="has lost the change"):
        node.register(service())
