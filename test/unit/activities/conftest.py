"""Packages of Python activities."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cameron.activities.python_package import discover

from .packages import Discovered, Written, packages_in


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Written]:
    """New packages in `tmp_path`."""
    with packages_in(tmp_path) as write:
        yield write


@pytest.fixture
def discovered(written: Written, tmp_path: Path) -> Discovered:
    """What is found in a new package."""
    return lambda files: discover(written(files), tmp_path)
