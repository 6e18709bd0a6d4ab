"""GET of the schemas of definitions."""

import json

from falcon.testing import TestClient

from cameron.definitions.schema import names, schema_text


def test_every_schema_there_is_is_found_where_the_list_says(client: TestClient) -> None:
    result = client.simulate_get("/api/schema")
    listed = result.json["schemas"]
    assert (result.status_code, [entry["dialect"] for entry in listed]) == (200, list(names()))
    for entry in listed:
        found = client.simulate_get(entry["location"])
        assert (found.status_code, found.headers["content-type"]) == (200, "application/schema+json")
        assert found.json == json.loads(schema_text(entry["dialect"]))


def test_an_unknown_one_is_a_404_that_says_which_there_are(client: TestClient) -> None:
    result = client.simulate_get("/api/schema/n%20o")
    assert (result.status_code, result.headers["content-type"]) == (404, "application/json")
    assert result.json["error"]["code"] == "schema_not_found"
    assert f"'n o': there are {', '.join(names())}" in result.json["error"]["message"]


def test_a_path_out_of_the_folder_of_schemas_leads_nowhere(client: TestClient) -> None:
    assert client.simulate_get("/", extras={"RAW_URI": "/api/schema/..%2Fschemas%2F" + names()[0]}).status_code == 404
