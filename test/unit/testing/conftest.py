"""A simulator of a project that defines nothing, and one of a project that has a package of Python activities."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from cameron.testing import Project, Simulator

from ..activities.packages import packages_in

Shop = Callable[[Mapping[str, str]], Simulator]  # `shop({"pay.py": text})`: of a project with a package of these files


def defined(project: Project) -> Simulator:
    """Its one process is `foo`, which starts at http://foo.test/start."""
    made = Simulator(project)
    made.define("cameron", {"name": "foo", "start_activity_url": "http://foo.test/start"})
    return made


@pytest.fixture
def simulator() -> Simulator:
    """Of no activities."""
    return defined(Project())


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Makes simulators; Python forgets their packages after the test."""
    with packages_in(tmp_path) as write:
        yield lambda files: defined(Project(activities=write(files), path=tmp_path))
