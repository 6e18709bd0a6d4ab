"""GET of the nodes, and POSTs that drain one."""

from typing import Any

import pytest
from falcon.testing import TestClient

from cameron.errors import NodeNotFound, StoreUnavailable

PATH = "/api/system/nodes"


def test_the_nodes_are_the_engines(client: TestClient) -> None:
    result = client.simulate_get(PATH)
    assert (result.status_code, result.json) == (200, {"nodes": [{"node": "a", "state": "running"}]})
    assert result.headers["cache-control"] == "no-store"


def test_nodes_are_a_503_while_the_store_is_away(client: TestClient, engine: Any) -> None:
    engine.failure = StoreUnavailable("refused")
    assert client.simulate_get(PATH).status_code == 503


@pytest.mark.parametrize(("verb", "resume", "state"), [("drain", False, "draining"), ("resume", True, "running")])
def test_a_node_is_told_to_drain_or_to_resume(client: TestClient, engine: Any, verb: str, resume: bool, state: str) -> None:
    result = client.simulate_post(f"{PATH}/a%20b/{verb}")
    assert (result.status_code, result.json) == (202, {"node": "a b", "state": state})
    assert engine.asked == [("a b", resume)]


def test_an_unknown_node_is_a_404_that_says_where_the_names_are(client: TestClient, engine: Any) -> None:
    engine.failure = NodeNotFound("z")
    result = client.simulate_post(f"{PATH}/z/drain")
    assert (result.status_code, result.json["error"]["code"]) == (404, "node_not_found")
    assert "cameron nodes" in result.json["error"]["message"]
