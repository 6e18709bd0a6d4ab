"""Requests that are refused: each kind gets its 4xx and leaves nothing in Redis."""

import json
from typing import Any

import pytest

from .support.answer import reply
from .support.node import Node
from .support.redis_server import RedisServer
from .support.refusal import assert_json_error
from .support.scenario import Scenario
from .support.service import Service


@pytest.fixture(autouse=True)
def start_activity(service: Service) -> None:
    """Where a start is accepted, its one task answers at once."""
    service.on("start", reply({"fine": True}))


def documented(redis: RedisServer) -> dict[str, Any]:
    """Every key of Redis and its value, but for the node's own lease and mailbox, which live by themselves."""
    return {key: value for key, value in redis.dump().items() if not key.startswith("cameron:node:")}


DEEP = '{"key": "deep", "data": ' + "[" * 100_000 + "]" * 100_000 + "}"
BAD = {
    "empty": b"",
    "spaces": b"   \n",
    "not JSON": b"key=1&data=2",
    "truncated": b'{"key": "k", "data": ',
    "two values": b'{"key": "k"} {"key": "k"}',
    "trailing comma": b'{"key": "k",}',
    "an empty array": b"[]",
    "a string": b'"key"',
    "a number": b"7",
    "null": b"null",
    "no key": b'{"data": "d", "requestor": "r"}',
    "key is null": b'{"key": null}',
    "key is empty": b'{"key": ""}',
    "key is a number": b'{"key": 7}',
    "key is an object": b'{"key": {"id": 7}}',
    "key is true": b'{"key": true}',
    "key of 257 characters": json.dumps({"key": "k" * 257}).encode(),
    "key with a newline": b'{"key": "a\\nb"}',
    "key with NUL": b'{"key": "a\\u0000b"}',
    "key with DEL": b'{"key": "a\\u007fb"}',
    "key is one dot": b'{"key": "."}',
    "key is two dots": b'{"key": ".."}',
    "key is a lone surrogate": b'{"key": "\\ud800"}',
    "requestor is a number": b'{"key": "k", "requestor": 7}',
    "requestor is a list": b'{"key": "k", "requestor": ["bob"]}',
    "requestor is a lone surrogate": b'{"key": "k", "requestor": "\\udfff"}',
    "data with NaN": b'{"key": "k", "data": NaN}',
    "data with Infinity": b'{"key": "k", "data": [-Infinity]}',
    "data with a lone surrogate": b'{"key": "k", "data": ["\\ud83d"]}',
    "a field name with a lone surrogate": b'{"key": "k", "data": {"\\udc00": 1}}',
    "nested 100,000 deep": DEEP.encode(),
    "objects nested 50,000 deep": b'{"key": "k", "data": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
    "a huge integer": b'{"key": "k", "data": ' + b"9" * 10_000 + b"}",
    "not UTF-8": b'{"key": "k", "data": "\xff\xfe"}',
    "UTF-16": '{"key": "k"}'.encode("utf-16"),
}
FIELD = {name: "key" for name in BAD if name.startswith(("key ", "no key"))} | {
    name: "requestor" for name in BAD if name.startswith("requestor is a") and "surrogate" not in name
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_request_is_4xx_with_a_json_error_and_stores_nothing(node: Node, redis: RedisServer, kind: str) -> None:
    before = documented(redis)
    answer = node.post("/api/process/scripted/start", BAD[kind])
    assert 400 <= answer.status_code < 500
    error = assert_json_error(answer, answer.status_code)
    if kind in FIELD and "surrogate" not in kind:
        assert error["field"] == FIELD[kind]
    assert documented(redis) == before


@pytest.mark.parametrize("headers", [{}, {"Transfer-Encoding": "chunked"}], ids=["with its length", "chunked"])
def test_a_body_over_the_limit_is_413_with_a_json_error_and_stores_nothing(node: Node, redis: RedisServer, headers: dict[str, str]) -> None:
    before = documented(redis)
    body = json.dumps({"key": "large", "data": "x" * 1_048_576}).encode()
    data: Any = iter([body[:500_000], body[500_000:]]) if headers else body
    answer = node.http.post(f"{node.url}/api/process/scripted/start", data=data, timeout=30)
    assert_json_error(answer, 413)
    assert documented(redis) == before


def test_a_body_just_under_the_limit_is_accepted(scenario: Scenario) -> None:
    data = "x" * 1_048_000
    job = scenario.run(data=data).done()
    assert job.field("job.data") == data
    assert scenario.calls()[0].json["data"] == data


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1e400", "123456789012345678901234567890", "0.1e-400", "-0", "1.0"])
def test_an_unusual_number_is_refused_or_passed_on_as_valid_json(scenario: Scenario, number: str) -> None:
    answer = scenario.node.post("/api/process/scripted/start", f'{{"key": "{scenario.key}", "data": [{number}]}}')
    if answer.status_code == 201:
        scenario.node.at(answer.headers["Location"]).done()
        json.loads(scenario.calls()[0].body, parse_constant=pytest.fail)
    else:
        assert_json_error(answer, 400)
