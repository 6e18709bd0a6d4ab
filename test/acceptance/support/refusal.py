"""The form of every refusal: a JSON error with a code and a message."""

from typing import Any

import requests


def assert_json_error(answer: requests.Response, status: int) -> dict[str, Any]:
    """An error in the settled form; returns what is in it."""
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["Content-Type"].startswith("application/json")
    error = answer.json()["error"]
    assert isinstance(error["code"], str)
    assert error["code"]
    assert isinstance(error["message"], str)
    assert error["message"]
    return dict(error)
