"""The activities of a Python package: every module below it is imported, and looked through."""

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple, cast

from cameron.activities.activity import declaration, why_not_annotated
from cameron.activities.base_activity import BaseActivity
from cameron.activities.import_fault import defined_in, not_imported
from cameron.activities.python_activity import PythonActivity
from cameron.activities.source_place import source_of

NOTHING: Mapping[str, Any] = MappingProxyType({})


class PythonPackage(NamedTuple):
    """What was found."""

    name: str  # "" where none is named
    path: Path | None  # in which it is looked for first
    activities: Mapping[str, PythonActivity] = NOTHING  # by name
    problems: tuple[str, ...] = ()  # for people: what could not be imported, or is there twice, with file:line
    hints: Mapping[str, str] = NOTHING  # by the name of what is no activity, though it nearly is one: why, for people
    folder: str = ""  # in which it lies; "" where it could not be imported
    absence: str = ""  # for people: it is not there at all, and where it was looked for


class _Module(NamedTuple):
    """One that was imported; a module may stand in for another, so it may have another name than this."""

    name: str
    module: ModuleType


def discover(
    package: str, path: Path | None, is_optional: bool = False, entering: Callable[[str], object] = lambda module: None
) -> PythonPackage:
    """Import every module of the package, which takes as long as those take, and gather the activities; never raises.

    `path` is put first on sys.path, once. An empty name is no package. Where two activities have one name, neither is taken. That there is
    no such package is a problem unless it `is_optional`. `entering` is told each module before it is imported.
    """
    if not package:
        return PythonPackage(package, path)
    if path is not None:
        put_first(str(path))
    importlib.invalidate_caches()
    return _Search(entering).done(package, path, is_optional)


def put_first(path: str) -> None:
    """Let Python look there first, once."""
    if path not in sys.path:
        sys.path.insert(0, path)


class _Search:
    """One run through a package."""

    def __init__(self, entering: Callable[[str], object]) -> None:
        self._entering = entering
        self._problems: list[str] = []
        self._hints: dict[str, str] = {}
        self._found: dict[str, list[PythonActivity]] = {}  # by name

    def done(self, package: str, path: Path | None, is_optional: bool) -> PythonPackage:
        """What was found, once all was looked through."""
        folder, absence = "", ""
        try:
            self._entering(package)
            top = importlib.import_module(package)
        except BaseException as error:
            if _is_absent(package, error):
                absence = _absence(package, path)
                self._problems += () if is_optional else (absence,)
            else:
                self._cannot(package, error)
        else:
            folder = _folder_of(package, top)
            for one in (_Module(package, top), *self._below(package, top)):
                self._look_through(one)
        self._count()
        activities = {name: of_it[0] for name, of_it in self._found.items() if len(of_it) == 1}
        hints = {name: hint for name, hint in self._hints.items() if name not in activities}
        return PythonPackage(package, path, MappingProxyType(activities), tuple(self._problems), MappingProxyType(hints), folder, absence)

    def _below(self, package: str, module: ModuleType) -> Iterator[_Module]:
        """All modules below it that can be imported, by name."""
        try:
            names = [f"{package}.{name}" for name in _names_below(module)]
        except BaseException as error:  # a folder that may not be read, or what a module says of its own
            told = f"what is below {package} cannot be listed, and its activities are missing: {type(error).__name__}"
            self._problems.append(told)
            return
        for name in names:
            try:
                self._entering(name)
                below = importlib.import_module(name)
            except BaseException as error:
                self._cannot(name, error)
                continue
            yield _Module(name, below)
            yield from self._below(name, below)

    def _cannot(self, module: str, error: BaseException) -> None:
        """It cannot be imported: that is told of all that would be in it, too."""
        problem = not_imported(module, error)
        self._problems.append(problem)
        for name in defined_in(module):
            self._hints.setdefault(name, problem)

    def _look_through(self, one: _Module) -> None:
        try:
            for found in list(self._activities(one)):
                self._found.setdefault(found.name, []).append(found)
        except BaseException as error:  # what a module defines may have code of its own for every question it is asked
            self._cannot(one.name, error)

    def _activities(self, one: _Module) -> Iterator[PythonActivity]:
        """Those that are defined in the module, not merely imported into it."""
        seen = set[int]()
        for attribute, value in list(vars(one.module).items()):
            is_class = isinstance(value, type)
            if not (is_class or inspect.isfunction(value)) or id(value) in seen or value.__module__ != one.name:
                continue
            seen.add(id(value))
            source = _source(one, value)
            yield from self._of_class(one, attribute, value, source) if is_class else self._of_function(one, attribute, value, source)

    def _of_class(self, one: _Module, attribute: str, value: type, source: str) -> Iterator[PythonActivity]:
        """It is one where it implements `do_activity`, or has that from another one."""
        name = value.__name__
        if not issubclass(value, BaseActivity):
            if "do_activity" in vars(value):
                self._hints.setdefault(
                    name, f"the class {name} at {source} does not derive from BaseActivity: write class {name}(BaseActivity)"
                )
        elif inspect.isabstract(value):
            self._hints.setdefault(name, f"the class {name} at {source} is abstract: implement what it declares")
        elif value.do_activity is BaseActivity.do_activity:
            why = "it has no do_activity(self): write one"
            self._hints.setdefault(name, f"the class {name} is at {source}, but {why}")
            if not value.__subclasses__():  # nor can it be meant as others' base
                self._problems.append(f"{source}: {name} is left out: {why}")
        elif why := _why_not_done(value):
            self._leave_out(name, source, why)
        else:
            yield PythonActivity(name, one.name, attribute, 0.0, "", source)

    def _of_function(self, one: _Module, attribute: str, value: Any, source: str) -> Iterator[PythonActivity]:
        """It is one where it has `@activity`."""
        said = declaration(value)
        if said is None:
            self._hints.setdefault(attribute, f"a function {attribute} is at {source}: put @activity before it")
        elif why := why_not_annotated(value):
            self._leave_out(attribute, source, why)
        else:
            if said.name != attribute:
                self._hints.setdefault(attribute, f"the function {attribute} at {source} is called {said.name!r}")
            yield PythonActivity(said.name, one.name, attribute, said.timeout_s, said.isolation, source)

    def _leave_out(self, name: str, source: str, why: str) -> None:
        problem = f"{source}: {name} is left out: {why}"
        self._problems.append(problem)
        self._hints[name] = problem

    def _count(self) -> None:
        """Of what is there more than once nobody can say which is meant."""
        for name, of_it in self._found.items():
            if len(of_it) > 1:
                there = f"is there {len(of_it)} times, at {' and '.join(one.source for one in of_it)}"
                self._problems.append(f"the activity {name} {there}, and none of them is taken: rename one")
                self._hints[name] = f"{name!r} {there}: rename one"


def _is_absent(package: str, error: BaseException) -> bool:
    """Else it is there, and misses something."""
    return isinstance(error, ModuleNotFoundError) and error.name is not None and f"{package}.".startswith(f"{error.name}.")


def _absence(package: str, path: Path | None) -> str:
    where = f"{path}, and wherever else Python looks" if path else "all that Python looks through"
    return f"the package {package} is not there: looked for in {where}; make one, or name another one in python.activities_package"


def _folder_of(package: str, top: ModuleType) -> str:
    try:
        file = next(iter(getattr(top, "__path__", ())), None) or top.__file__
        return str(Path(str(file)).parents[package.count(".")])
    except BaseException:  # a module may say anything of itself
        return ""


def _names_below(package: ModuleType) -> list[str]:
    """Modules and packages right below it, also those without an `__init__.py`; what is a program is left alone."""
    folders = [Path(folder) for folder in getattr(package, "__path__", ())]
    names = {one.name for one in pkgutil.iter_modules(map(str, folders))}
    for folder in folders:
        if folder.is_dir():
            names |= {below.name for below in folder.iterdir() if below.name.isidentifier() and below.is_dir() and any(below.glob("*.py"))}
    return sorted(names - {"__main__", "__pycache__"})


def _why_not_done(kind: type[BaseActivity]) -> str:
    work = cast(Any, kind).do_activity
    if inspect.iscoroutinefunction(work) or inspect.isgeneratorfunction(work) or inspect.isasyncgenfunction(work):
        return "do_activity is `async` or a generator, and nobody would await it: write a plain `def`"
    return ""


def _source(one: _Module, value: Any) -> str:
    file = getattr(one.module, "__file__", None) or f"{one.name}.py"
    try:
        line = inspect.getsourcelines(value)[1]
    except (OSError, TypeError):
        line = 0
    return source_of(one.name, str(file), line)
