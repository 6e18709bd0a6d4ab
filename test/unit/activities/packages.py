"""Packages of Python activities, written for a test and forgotten after it."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from cameron.activities.python_package import PythonPackage

Written = Callable[[Mapping[str, str]], str]  # `written({"orders.py": text, ...})`: the name of a new package that has those files
Discovered = Callable[[Mapping[str, str]], PythonPackage]  # what is found in it

NUMBERS = count()


@contextmanager
def packages_in(folder: Path) -> Iterator[Written]:
    """New packages in that folder, each with an `__init__.py`; Python knows nothing of them afterwards."""
    path, names = list(sys.path), list[str]()

    def write(files: Mapping[str, str]) -> str:
        names.append(f"acts{next(NUMBERS)}")
        for file, text in {"__init__.py": "", **files}.items():
            place = folder / names[-1] / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        return names[-1]

    try:
        yield write
    finally:
        sys.path[:] = path
        for module in [module for module in sys.modules if module.partition(".")[0] in names]:
            del sys.modules[module]
