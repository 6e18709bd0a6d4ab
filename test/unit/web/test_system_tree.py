"""GET of the supervision tree: how much of it, and what is refused."""

from typing import Any

import pytest
from falcon.testing import TestClient

from cameron.errors import StoreUnavailable

PATH = "/api/system/tree"


def test_the_tree_is_answered_as_the_engine_gives_it_a_hundred_runners_at_most(client: TestClient) -> None:
    result = client.simulate_get(PATH)
    assert (result.status_code, result.json) == (200, {"node": "a", "tree": {"name": "root"}, "zombies": [], "limit": 100})
    assert result.headers["content-type"] == "application/json"
    assert result.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("limit", [0, 1, 10_000])
def test_who_asks_says_how_many_runners(client: TestClient, limit: int) -> None:
    assert client.simulate_get(PATH, query_string=f"limit={limit}").json["limit"] == limit


@pytest.mark.parametrize("limit", ["-1", "10001", "1.5", "ten", "%D9%A3", "1" * 5000])
def test_a_limit_that_is_none_is_a_400_that_says_what_is_allowed(client: TestClient, limit: str) -> None:
    result = client.simulate_get(PATH, query_string=f"limit={limit}")
    assert (result.status_code, result.json["error"]["code"], result.json["error"]["field"]) == (400, "limit_invalid", "limit")
    assert "0 to 10000" in result.json["error"]["message"]


@pytest.mark.parametrize(
    ("query", "code"), [("limit=", "limit_invalid"), ("limit=1&limit=2", "limit_invalid"), ("limt=1", "parameter_unknown")]
)
def test_a_parameter_that_asks_for_nothing_is_a_400(client: TestClient, query: str, code: str) -> None:
    result = client.simulate_get(PATH, query_string=query)
    assert (result.status_code, result.json["error"]["code"]) == (400, code)


def test_a_node_without_a_tree_is_a_503(client: TestClient, engine: Any) -> None:
    engine.failure = StoreUnavailable("the node is starting or stopping")
    assert client.simulate_get(PATH).status_code == 503
