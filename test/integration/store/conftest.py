"""A job in Redis."""

from typing import Any

import pytest

from cameron.store import keys
from cameron.store.redis import Pipeline

from .scripted import QUEUE, Job


@pytest.fixture
def job(client: Any, pipeline: Pipeline) -> Job:
    """A job that `node` has claimed and not begun."""
    client.xgroup_create(QUEUE, keys.GROUP, id="0", mkstream=True)
    made = Job(client, pipeline)
    assert made.accept() == "accepted"
    assert made.given_to("node") == [made.entry]
    return made
