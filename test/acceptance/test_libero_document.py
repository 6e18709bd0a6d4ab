"""Libero Flow's document, word for word: its definition and its two classes, which differ in their import alone; `foobar.com` is here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .support import libero
from .support.answer import document, http, raw
from .support.libero import PERMANENT_FAILURE, SUCCEEDED, decisions, seen, states
from .support.node import Node
from .support.port import refusing_port
from .support.program import PROJECT
from .support.redis_server import RedisServer
from .support.service import Service

DEFINITION = """\
{
  "name": "DummyWorkflow",
  "config": {
    "some": "values"
  },
  "activities": [
      {
          "name": "DoSomethingActivity",
          "independent": false,
          "required": true,
          "config": {}
      },
      {
          "name": "DoAnotherThingActivity",
          "independent": false,
          "required": true,
          "config": {}
      }
  ]
}
"""

DO_SOMETHING = '''\
from libero_flow.activities.base_activity import BaseActivity


class DoSomethingActivity(BaseActivity):

    def do_activity(self):
        """Actually do some work"""
        
        num = 10
        
        if num > 20:
            return self.PERMANENT_FAILURE
        
        return self.SUCCEEDED

'''  # noqa: W293

DO_ANOTHER_THING = '''\
import requests

from libero_flow.activities.base_activity import BaseActivity


class DoAnotherThingActivity(BaseActivity):

    def do_activity(self):
        """Actually do some work"""
        
        response = requests.get('http://foobar.com/foo')
        
        if response.status_code == 200:
            return self.SUCCEEDED
        
        return self.PERMANENT_FAILURE

'''  # noqa: W293

CLASSES = {"do_something_activity.py": DO_SOMETHING, "do_another_thing_activity.py": DO_ANOTHER_THING}


def as_here(text: str) -> str:
    """The only change there is."""
    changed = text.replace("from libero_flow.", "from cameron.")
    assert changed != text
    return changed


def place(folder: Path, service: Service) -> dict[str, str]:
    """Put the document's files where a node looks for them; that node's settings."""
    (folder / "activities").mkdir()
    (folder / "activities" / "__init__.py").touch()
    for name, text in CLASSES.items():
        (folder / "activities" / name).write_text(as_here(text), encoding="utf-8")
    (folder / "definitions" / "libero").mkdir(parents=True)
    (folder / "definitions" / "libero" / "dummy_workflow.json").write_text(DEFINITION, encoding="utf-8")
    package = {"CAMERON_PYTHON_ACTIVITIES_PACKAGE": "activities", "CAMERON_PYTHON_PATH": str(folder)}
    return libero.settings(service, folder / "definitions", **package)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service) -> Iterator[Node]:
    """A node that has what the document has, and nothing else."""
    with redis.client() as client:
        client.flushall()
    folder = tmp_path_factory.mktemp("document")
    running = Node(folder, redis.url, {}, place(folder, service))
    try:
        yield running.start()
    finally:
        running.stop()


def test_both_classes_succeed_where_foobar_answers_200(node: Node, service: Service) -> None:
    service.on("foo", document({}))
    job = node.job("DummyWorkflow", {"input_data": {}}).done()
    assert states(job) == ["Finished", SUCCEEDED, SUCCEEDED]
    assert seen(job) == {
        "id": job.uuid,
        "name": "DummyWorkflow",
        "state": "Finished",
        "input_data": {},
        "activities": [
            {"name": name, "state": SUCCEEDED, "independent": False, "required": True, "attempts": 1, "result": SUCCEEDED}
            for name in ("DoSomethingActivity", "DoAnotherThingActivity")
        ],
    }
    schedules = [f"schedule-activity {name}" for name in ("DoSomethingActivity", "DoAnotherThingActivity")]
    assert decisions(job) == ["start-workflow", *schedules, "workflow-finished"]


@pytest.mark.parametrize("status", [204, 404, 500, 503])
def test_another_status_fails_the_workflow_for_good(node: Node, service: Service, status: int) -> None:
    service.on("foo", http(status, b""))
    before = len(service.calls(""))
    job = node.job("DummyWorkflow", {}).ended()
    assert states(job) == ["Failed", SUCCEEDED, PERMANENT_FAILURE]
    assert libero.error(job, "DoAnotherThingActivity").startswith("DoAnotherThingActivity returned 'Permanent Failure'")
    assert len(service.calls("")) == before + 1
    assert decisions(job)[-1] == "workflow-failure"


def test_an_answer_that_is_none_is_an_exception_of_the_class(node: Node, service: Service) -> None:
    service.on("foo", raw(b"SSH-2.0\r\n\r\n"))
    job = node.job("DummyWorkflow", {}).ended()
    assert states(job) == ["Failed", SUCCEEDED, PERMANENT_FAILURE]
    text = libero.error(job, "DoAnotherThingActivity")
    assert text.startswith("DoAnotherThingActivity raised requests.exceptions.ConnectionError: ")
    assert text.endswith("(activities/do_another_thing_activity.py:11)")


def test_where_nobody_listens_the_text_says_so(tmp_path: Path, durable: RedisServer, service: Service) -> None:
    with refusing_port() as port:
        node = Node(tmp_path, durable.url, {}, {**place(tmp_path, service), **libero.foobar(port)})
        try:
            job = node.start().job("DummyWorkflow", {}).ended()
            assert "Connection refused" in libero.error(job, "DoAnotherThingActivity")
            assert states(job) == ["Failed", SUCCEEDED, PERMANENT_FAILURE]
        finally:
            node.stop()


def test_the_examples_are_the_documents_but_for_spaces_at_the_ends_of_lines() -> None:
    shipped = PROJECT / "priv"
    assert (shipped / "definitions" / "libero" / "dummy_workflow.json").read_text(encoding="utf-8") == DEFINITION
    for name, text in CLASSES.items():
        lines = [line.rstrip() for line in as_here(text).rstrip().splitlines()]
        assert (shipped / "activities" / name).read_text(encoding="utf-8").splitlines() == lines
