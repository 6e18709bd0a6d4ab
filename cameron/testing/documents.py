"""Definitions that a test gives itself, taken as a node takes those in files and those that are registered."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from cameron.core.process import Process
from cameron.core.strict_json import NotJson, compact, parse
from cameron.definitions import Settings, dialects, load_folder
from cameron.definitions.hint import nearest
from cameron.definitions.registrar import Clash, Registrar
from cameron.testing.errors import BadDefinition

__tracebackhide__ = True


class Documents:
    """Of one test. `processes` are those that they define, by name."""

    def __init__(self, settings: Settings) -> None:
        self._dialects, self._settings = dialects(settings), settings
        self._registered: dict[str, dict[tuple[str, str], Mapping[str, Any]]] = {}  # by dialect
        self.processes: dict[str, Process] = {}

    def add(self, dialect: str, document: Mapping[str, Any]) -> str:
        """The name that it defines. Raises BadDefinition."""
        if dialect not in self._dialects:
            raise BadDefinition(f"there is no dialect {dialect!r}{nearest(dialect, self._dialects)}: there are {', '.join(self._dialects)}")
        try:
            text = compact(document)
        except (NotJson, TypeError) as error:
            raise BadDefinition(f"the document is no JSON: {error}") from None
        if hasattr(self._dialects[dialect], "kinds"):
            return self._register(cast(Registrar, self._dialects[dialect]), parse(text.encode()))
        return self._read(dialect, text)

    def _read(self, dialect: str, text: str) -> str:
        """By way of a file, as only so all is said of it that `cameron check` would say."""
        with TemporaryDirectory(prefix="cameron-") as folder:
            file = Path(folder) / dialect / "document.json"
            file.parent.mkdir()
            file.write_text(text, encoding="utf-8")
            loaded = load_folder(Path(folder), self._settings)
            problems = [problem.replace(str(file), f"the {dialect} document") for problem in loaded.problems]
        if problems:
            raise BadDefinition("\n".join(problems))
        [process] = loaded.processes
        self.processes[process.name] = process
        return process.name

    def _register(self, dialect: Registrar, document: Any) -> str:
        """As the kind of document that it is by its schema; where it is none, as the one that it comes closest to."""
        known = self._registered.setdefault(dialect.name, {})
        found = {kind: dialect.check(kind, document, known) for kind in dialect.kinds}
        kind = min(found, key=lambda kind: _distance(found[kind]))
        fault = found[kind]
        if isinstance(fault, Clash):
            raise BadDefinition(f"the {dialect.name} {kind}: {fault.message}")
        if fault:
            told = (f"the {dialect.name} {kind}: {field}: {text}" for field, texts in fault.items() for text in texts)
            raise BadDefinition("\n".join(told))
        known[kind, document["name"]] = document
        processes, problems = dialect.compile(known)
        if problems:
            raise BadDefinition("\n".join(problems))
        self.processes |= {process.name: process for process in processes}
        return str(document["name"])


def _distance(fault: Mapping[str, list[str]] | Clash) -> int:
    """From a document that can be taken; a clash is found only after all else is right."""
    return 0 if isinstance(fault, Clash) else 2 * sum(map(len, fault.values())) - (not fault)
