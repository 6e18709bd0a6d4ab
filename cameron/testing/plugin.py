"""The pytest plugin: the fixture `cameron`, which runs jobs of the project's processes in simulated time. See docs/testing.md.

It is loaded with every run of pytest where Cameron is installed, so it imports nothing but pytest before a test asks for the fixture.
"""

import sys
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cameron.testing.project import Project
    from cameron.testing.simulator import Simulator

DEFINITIONS, PROCESSES, PATH, ACTIVITIES = "priv/definitions", "priv/processes/test.config", "priv", "activities"
SHOWN_MAX = 10  # jobs of a failed test that its report tells


def pytest_addoption(parser: pytest.Parser) -> None:
    """The settings, in the project's own pytest configuration; paths are taken against the folder that it lies in."""
    parser.addini("cameron_definitions", f"folder of definition files (default: {DEFINITIONS}, if it is there)", default="")
    parser.addini("cameron_processes", f"the .config file (default: {PROCESSES}, if it is there)", default="")
    parser.addini("cameron_activities", f"package of Python activities (default: {ACTIVITIES}, if it is there)", default="")
    parser.addini("cameron_path", f"where that package lies; Python looks there first, if it is there (default: {PATH})", default=PATH)
    parser.addini("cameron_env", "names of the environment variables that templates may use", type="args", default=[])


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Let tests, and a conftest.py, import the activities, as `pythonpath` would."""
    package, path = _activities(early_config)
    if package and path.is_dir() and str(path) not in sys.path:
        sys.path.insert(0, str(path))


@pytest.fixture(scope="session")
def cameron_project(request: pytest.FixtureRequest) -> "Project":
    """What the project defines; a test module or a conftest.py may have a fixture of this name that returns another one."""
    from cameron.testing.project import Project

    config = request.config
    definitions, processes = _place(config, "cameron_definitions", DEFINITIONS), _place(config, "cameron_processes", PROCESSES)
    return Project(definitions, processes, *_activities(config), tuple(config.getini("cameron_env")))


@pytest.fixture
def cameron(cameron_project: "Project") -> "Simulator":
    """Runs jobs, and takes definitions for this one test."""
    from cameron.testing.simulator import Simulator

    return Simulator(cameron_project)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """The report of a test that has failed tells what became of its jobs; a fixture `cameron` may be somebody else's."""
    report = yield
    ours = getattr(sys.modules.get("cameron.testing.simulator"), "Simulator", None)
    simulator = (getattr(item, "funcargs", None) or {}).get("cameron")
    if report.when == "call" and report.failed and ours and isinstance(simulator, ours) and simulator.jobs:
        report.sections.append(("jobs of Cameron", "\n\n".join(map(str, simulator.jobs[-SHOWN_MAX:]))))
    return report


def _activities(config: pytest.Config) -> tuple[str, Path]:
    """The name of the package, "" where there is none, and where it lies."""
    path = config.rootpath / config.getini("cameron_path")
    return config.getini("cameron_activities") or (ACTIVITIES if (path / ACTIVITIES).is_dir() else ""), path


def _place(config: pytest.Config, setting: str, default: str) -> Path | None:
    """The path that is set, which has to be there; else the usual one, where it is there."""
    said = config.getini(setting)
    path = config.rootpath / (said or default)
    if said and not path.exists():
        raise pytest.UsageError(f"{setting}: {path} is not there: correct it in {config.inipath or 'the command line'}")
    return path if path.exists() else None
