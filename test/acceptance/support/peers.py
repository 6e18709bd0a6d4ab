"""Nodes that share a Redis, told apart: by name, by whether they run jobs, and as those that show a job."""

from urllib.parse import urlsplit

from .job import Job
from .node import Node
from .waiting import eventually


def name_of(node: Node) -> str:
    """What the node is called among the others."""
    names = (str(known["node"]) for known in node.get("/api/system/nodes").json()["nodes"])
    return next(name for name in names if f"-{node.child.pid}-" in name)


def drained(node: Node) -> Node:
    """The node, which runs no jobs any more, so that another one has them; it still answers requests."""
    assert node.post(f"/api/system/nodes/{name_of(node)}/drain", b"").status_code < 300
    eventually(lambda: node.get("/status").status_code == 503, "the node to drain")
    return node


def through(node: Node, job: Job) -> Job:
    """The same job, as that node shows it."""
    return node.at(node.url + urlsplit(job.location).path)
