"""The schemas of the definition formats, as a node publishes them."""

import pytest
import requests
from jsonschema import Draft202012Validator

from .support.node import Node
from .support.refusal import assert_json_error


def listed(node: Node) -> dict[str, str]:
    return {entry["dialect"]: entry["location"] for entry in node.get("/api/schema").json()["schemas"]}


def test_the_list_leads_to_every_schema_and_each_is_one(node: Node) -> None:
    schemas = listed(node)
    assert {"mender", "machinery"} <= schemas.keys()
    for location in schemas.values():
        answer = node.get(location)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/schema+json")
        Draft202012Validator.check_schema(answer.json())


def test_head_answers_as_get(node: Node) -> None:
    for path in ("/api/schema", *listed(node).values()):
        answer = requests.head(node.url + path, timeout=30)
        assert (answer.status_code, answer.content) == (200, b"")
        assert int(answer.headers["Content-Length"]) == len(node.get(path).content)


@pytest.mark.parametrize("name", ["nobody", "Mender", "mender.json", "..%2Fschemas%2Fmender"])
def test_an_unknown_schema_is_a_404_that_names_those_there_are(node: Node, name: str) -> None:
    error = assert_json_error(requests.get(f"{node.url}/api/schema/{name}", timeout=30), 404)
    assert error["code"] == "schema_not_found"
    assert ", ".join(listed(node)) in error["message"]


def test_a_schema_is_only_read(node: Node) -> None:
    for path in ("/api/schema", *listed(node).values()):
        assert_json_error(node.post(path, "{}"), 405)
