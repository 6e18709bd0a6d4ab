"""A node as far as definitions go: its catalog, the actor that keeps it, and the way to register something."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cameron.definitions import Settings
from cameron.errors import StoreUnavailable
from cameron.process_catalog import Catalog, ProcessCatalog, Refresh, Sources
from cameron.registration import Lookup, Registration
from cameron.store.durability import Rules
from cameron.store.health import Health
from cameron.store.registered import Registered
from cameron.store.strict import Strict

from ..acceptance.support.waiting import eventually

PATIENCE_S = 20.0
FOO = '{processes, [{foo, {start_activity_url, "http://127.0.0.1:1/start"}}]}.'
MESSAGE = [{"name": "message", "type": "string", "description": "a text"}]


def service(name: str = "upper", address: str = "http://127.0.0.1:1/") -> bytes:
    """A service that makes a message of a message, as it is registered."""
    return json.dumps({"name": name, "address": address, "inputs": MESSAGE, "outputs": MESSAGE}).encode()


def workflow(name: str, *services: str) -> bytes:
    """A workflow of those services, or of `upper`."""
    said: dict[str, Any] = {"name": name, "services": list(services or ("upper",)), "inputs": MESSAGE, "outputs": MESSAGE, "operations": []}
    return json.dumps(said).encode()


class CatalogNode:
    """`catalog` is what it publishes; several may share one interpreter, and one Redis."""

    def __init__(self, folder: Path, url: str, name: str = "process_catalog", catalog: Catalog | None = None) -> None:
        self.settings = Settings()
        self.catalog = catalog or Catalog(self.settings)
        self.file, self.url = folder / "processes.config", url
        if not self.file.exists():
            self.file.write_text(FOO)
        self.folder = folder / "definitions"
        self.ref: Any = ProcessCatalog.start(self.catalog, Sources(self.file, self.folder, url, PATIENCE_S), self.settings, name=name)
        strict = Strict(Health(url, PATIENCE_S, Rules()), url, PATIENCE_S, PATIENCE_S)
        lookup = Lookup(self.refresh, self.catalog.process)
        self.registration = Registration(self.catalog, Registered(url, PATIENCE_S), strict, lookup, PATIENCE_S)

    def refresh(self) -> int:
        """As the engine has it done."""
        answer = self.ref.ask(Refresh(), timeout=PATIENCE_S)
        if isinstance(answer, StoreUnavailable):
            raise answer
        return int(answer)

    def register(self, *documents: bytes) -> list[str]:
        """Register these services (they have an address) and workflows: their ids."""
        ids = []
        for document in documents:
            said: Mapping[str, Any] = json.loads(document)
            ids.append(self.registration.register("machinery", "service" if "address" in said else "workflow", document))
        return ids

    def stop(self) -> None:
        """End the actor."""
        self.ref.exit()
        eventually(lambda: not self.ref.is_alive(), "the catalog to end")
