"""GET /health."""

from typing import Any

import pytest
from falcon.testing import TestClient


@pytest.mark.parametrize(("fit", "code", "status"), [(True, 200, "ok"), (False, 503, "degraded")])
def test_health_is_the_engines_and_a_503_where_the_node_is_not_fit(
    client: TestClient, engine: Any, fit: bool, code: int, status: str
) -> None:
    engine.fit = fit
    result = client.simulate_get("/health")
    assert (result.status_code, result.json) == (code, {"status": status, "node": "a", "problems": []})
    assert result.headers["cache-control"] == "no-store"
