"""Documents as clients register them."""

from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]


def service(name: str, address: str = "http://127.0.0.1:1/") -> tuple[tuple[str, str], Document]:
    """A service that makes a message of a message."""
    message = [{"name": "message", "type": "string", "description": "a text"}]
    return ("service", name), {"name": name, "address": address, "inputs": message, "outputs": message}


def workflow(name: str, *services: str) -> tuple[tuple[str, str], Document]:
    """A workflow of those services, or of `upper`."""
    message = [{"name": "message", "type": "string", "description": "a text"}]
    return ("workflow", name), {
        "name": name,
        "services": list(services or ("upper",)),
        "inputs": message,
        "outputs": message,
        "operations": [],
    }


def documents(*made: tuple[tuple[str, str], Document]) -> dict[tuple[str, str], Document]:
    """All of these, and the service `upper`."""
    return dict([service("upper"), *made])
