"""The tiers of the house: a module imports only what stands below it. The tables are the rules; the rest reads the imports."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).resolve().parent.parent.parent / "cameron"

# From the top. A part imports parts of the rows below its own, and itself; not its neighbours in a row.
TIERS = [
    "__main__ testing",
    "cli",
    "client tree_view",
    "web node_group",
    "tree",
    "rabbitmq",
    "cameron",  # the package's own __init__: the public names
    "engine",
    "job_control job_callbacks job_acceptance job_batch job_history node_health registration",
    "job_reader",
    "job_scheduler housekeeper",
    "job_runner scheduling",
    "job_returns job_suspicion",
    "job_reading job_orders job_calls job_log job_unread",
    "process_catalog job_ledger queue_reader",
    "job_data",
    "callbacks registered_documents isolated_activity broker_link",
    "activities store definitions",
    "core misconfigured cores quiet_core node_program",
    "otp",
    "log",
    "log_writer log_line config clock fault leash web_port",
    "errors",
]

# Upwards or sideways all the same: these, and nothing else.
ALSO_ALLOWED = {
    ("tree", "web"),  # the web server is a child of the tree: its app ...
    ("tree", "web.server"),  # ... and its actor
    ("definitions", "store.keys"),  # a dialect's layout names its keys; their names stand in one file
}

# Of what stands below, these import no more than this.
NO_MORE_THAN: dict[str, set[str]] = {
    "client": {"errors"},
    "tree_view": set(),
    "testing": {"activities", "definitions", "core", "errors"},
    "core": {"errors"},
    "otp": set(),
    "config": {"errors"},
    "clock": set(),
    "fault": {"errors"},
    "leash": set(),
    "web_port": {"errors"},
    "cores": {"otp", "errors"},
    "quiet_core": {"otp"},
    "errors": set(),
}

# A package from outside, and the modules or folders that may import it.
OWNERS = {
    "redis": "store",
    "hiredis": "store",
    "pycurl": "activities.http activities.curl_loop activities.transfer",
    "pykka": "otp engine",  # the engine is the one that asks, and meets pykka.Timeout
    "falcon": "web",
    "waitress": "web",
    "requests": "client",
    "pika": "rabbitmq.broker rabbitmq.subscription rabbitmq.dead_letter rabbitmq.letter_box rabbitmq.tables",
    "msgspec": "activities.annotation",
    "pytest": "testing.plugin",
    "jsonschema": "definitions.schema definitions.schema_fault",
    "yaml": "definitions.files.document",
    "typer": "cli",
    "rich": "cli tree_view log",
}

# From outside, these import no more than this besides the standard library.
FEW_GUESTS: dict[str, set[str]] = {"otp": {"pykka"}, "core": set(), "config": set(), "clock": set(), "fault": set(), "errors": set()}

# What decides reads no clock, throws no dice and does no I/O: time and chance are arguments.
NOT_IMPORTED = {
    "core": "time datetime random secrets uuid logging threading asyncio socket select os subprocess shutil tempfile urllib.request",
    "definitions": "time datetime random secrets uuid threading asyncio socket select subprocess urllib.request",
}

DRAWERS = {"utils", "util", "common", "helpers", "helper", "manager", "base", "misc"}

# A dialect's name there would be the engine knowing a dialect.
NO_DIALECTS_IN = (
    "engine job_control job_callbacks job_acceptance job_batch job_history node_health broker_link registration registered_documents "
    "callbacks job_calls job_returns job_log job_suspicion job_unread job_reader job_scheduler scheduling housekeeper job_runner "
    "job_orders job_reading job_ledger job_data process_catalog queue_reader rabbitmq testing activities core store"
)
DIALECTS = re.compile("ticket|mender|machinery|libero", re.IGNORECASE)


class Import(NamedTuple):
    """One name that one module imports; modules of ours are named without the leading `cameron.`."""

    importer: str
    imported: str
    ours: bool
    for_types: bool

    def __str__(self) -> str:
        return f"{self.importer} imports {self.imported}"


class House:
    """The modules of a package and their imports."""

    def __init__(self, package: Path) -> None:
        self.files = {self._name(package, path): path for path in sorted(package.rglob("*.py"))}
        self.imports = [found for module in self.files for found in self._imports(module)]

    @staticmethod
    def _name(package: Path, path: Path) -> str:
        return ".".join(path.relative_to(package).with_suffix("").parts).removesuffix("__init__").rstrip(".") or "cameron"

    def _imports(self, module: str) -> Iterator[Import]:
        tree = ast.parse(self.files[module].read_text(encoding="utf-8"))
        type_blocks = [node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")]
        for_types = {id(inner) for block in type_blocks for inner in ast.walk(block)}
        for node in ast.walk(tree):
            for name in self._names(module, node):
                ours = name.split(".")[0] == "cameron"
                yield Import(module, self._known(name) if ours else name, ours, id(node) in for_types)

    def _names(self, module: str, node: ast.AST) -> list[str]:
        """The dotted names that a statement imports, made absolute."""
        if isinstance(node, ast.Import):
            return [alias.name for alias in node.names]
        if not isinstance(node, ast.ImportFrom):
            return []
        origin = node.module or ""
        if node.level:
            folder = ["cameron", *module.split(".")] if module != "cameron" else ["cameron"]
            up = node.level - (self.files[module].name == "__init__.py")
            origin = ".".join([*folder[: len(folder) - up], *([origin] if origin else [])])
        return [f"{origin}.{alias.name}" for alias in node.names]

    def _known(self, name: str) -> str:
        """The module of ours that a dotted name lies in."""
        parts = name.split(".")[1:]
        while parts and ".".join(parts) not in self.files:
            parts.pop()
        return ".".join(parts) or "cameron"


def part(module: str) -> str:
    """The file or folder right below `cameron/`."""
    return module.split(".")[0]


def within(module: str, places: str) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places.split())


def row(module: str) -> int:
    """The tier a module stands in, 0 at the top; -1 where the table doesn't name it."""
    return next((number for number, parts in enumerate(TIERS) if part(module) in parts.split()), -1)


def homeless(house: House) -> list[str]:
    return [module for module in house.files if row(module) < 0]


def upward(house: House) -> list[str]:
    return [
        str(found)
        for found in house.imports
        if found.ours
        and part(found.importer) != part(found.imported)
        and row(found.importer) >= row(found.imported)
        and (part(found.importer), found.imported) not in ALSO_ALLOWED
    ]


def beyond_limits(house: House) -> list[str]:
    return [
        str(found)
        for found in house.imports
        if found.ours
        and part(found.importer) in NO_MORE_THAN
        and part(found.imported) not in {part(found.importer), *NO_MORE_THAN[part(found.importer)]}
    ]


def outsiders(house: House) -> list[str]:
    """Packages from outside, imported where they have no business."""
    return [str(found) for found in house.imports if not found.ours and not welcome(found.importer, part(found.imported))]


def welcome(importer: str, package: str) -> bool:
    if package in sys.stdlib_module_names:
        return True
    guests = FEW_GUESTS.get(part(importer), {package})
    return package in guests and within(importer, OWNERS.get(package, importer))


def impure(house: House) -> list[str]:
    return [str(found) for found in house.imports if within(found.imported, NOT_IMPORTED.get(part(found.importer), ""))]


def cycles(house: House) -> list[str]:
    """Modules that import one another, however far round; imports for types alone don't count, they never run."""
    graph: dict[str, set[str]] = {module: set() for module in house.files}
    for found in house.imports:
        if found.ours and not found.for_types and found.imported != found.importer:
            graph[found.importer].add(found.imported)
    while leaves := [module for module, below in graph.items() if not below & graph.keys()]:
        for module in leaves:
            del graph[module]
    # What is left imports a cycle or lies in one: take off from the other end too.
    while roots := [module for module in graph if not any(module in below for below in graph.values())]:
        for module in roots:
            del graph[module]
    return sorted(graph)


def drawers(house: House) -> list[str]:
    return [module for module in house.files if DRAWERS & {name.strip("_") for name in module.split(".")}]


def named_dialects(house: House, package: Path) -> list[str]:
    scripts = {f"store.{path.name}": path for path in package.glob("store/**/*.lua")}
    return [
        f"{module}:{number}: {line.strip()}"
        for module, path in {**house.files, **scripts}.items()
        if part(module) in NO_DIALECTS_IN.split()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if DIALECTS.search(line)
    ]


@pytest.fixture(scope="module")
def house() -> House:
    return House(PACKAGE)


def test_every_module_stands_in_a_tier(house: House) -> None:
    assert homeless(house) == []


def test_a_module_imports_only_what_stands_below(house: House) -> None:
    assert upward(house) == []


def test_some_import_next_to_nothing_of_ours(house: House) -> None:
    assert beyond_limits(house) == []


def test_packages_from_outside_are_imported_by_their_owner_alone(house: House) -> None:
    assert outsiders(house) == []


def test_what_decides_reads_no_clock_and_does_no_io(house: House) -> None:
    assert impure(house) == []


def test_no_modules_import_one_another(house: House) -> None:
    assert cycles(house) == []


def test_there_is_no_drawer_for_odds_and_ends(house: House) -> None:
    assert drawers(house) == []


def test_the_engine_names_no_dialect(house: House) -> None:
    assert named_dialects(house, PACKAGE) == []


def built(folder: Path, texts: dict[str, str]) -> House:
    """A house of the given files."""
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return House(folder)


def test_each_rule_sees_its_breach(tmp_path: Path) -> None:
    broken = built(
        tmp_path,
        {
            "__init__.py": "",
            "core/job.py": "import time\nfrom os import path\nimport requests\nfrom ..config import Config",
            "core/utils.py": "from cameron.core.job import Job",
            "config.py": "",
            "definitions/foo.py": "from cameron.store.keys import job_key\nfrom cameron.store import redis",
            "engine.py": "from cameron import tree\nimport redis.asyncio",
            "errors.py": "import cameron.config",
            "store/keys.py": "# tickets",
            "store/redis.py": "import redis",
            "stray.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from cameron import engine",
            "tree.py": "from cameron.engine import Engine\nfrom cameron.web.server import WebServer\nfrom .web import routes\nx = 'ticket'",
            "web/__init__.py": "",
            "web/routes.py": "from . import server",
            "web/server.py": "def lazily():\n    from cameron import stray",
        },
    )
    assert homeless(broken) == ["stray"]
    assert upward(broken) == [
        "definitions.foo imports store.redis",
        "engine imports tree",
        "errors imports config",
        "tree imports web.routes",
        "web.server imports stray",
    ]
    assert cycles(broken) == ["engine", "tree"]
    assert beyond_limits(broken) == ["core.job imports config", "errors imports config"]
    assert outsiders(broken) == ["core.job imports requests", "engine imports redis.asyncio"]
    assert impure(broken) == ["core.job imports time", "core.job imports os.path"]
    assert drawers(broken) == ["core.utils"]
    assert named_dialects(broken, tmp_path) == ["store.keys:1: # tickets"]
