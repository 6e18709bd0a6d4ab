"""What a project defines: processes in files, and its package of Python activities; read once for many tests."""

import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Final

from cameron.definitions import Loaded, Settings, load
from cameron.errors import ConfigError
from cameron.testing.errors import BadDefinition
from cameron.testing.python_code import PythonCode

DEFAULTS: Final = Settings()


class AnyProgram(frozenset[str]):
    """What a node allows is the node's business: here no program is run."""

    def __contains__(self, program: object) -> bool:
        return True


class Allowed(Mapping[str, str]):
    """The environment variables that templates may use, as they are when they are used: a test may set them at any time."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names

    def __getitem__(self, name: str) -> str:
        if name not in self._names:
            raise KeyError(name)
        return os.environ[name]

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._names if name in os.environ)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Project:
    """`definitions` is the folder of definition files, `processes` a .config file; None: the project has none.

    `activities` names the package of Python activities, "" none, and `path` is where it lies. `env` names the environment variables that
    templates may use. `settings` are what definitions start from, where they do not say themselves.
    """

    def __init__(
        self,
        definitions: Path | None = None,
        processes: Path | None = None,
        activities: str = "",
        path: Path | None = None,
        env: tuple[str, ...] = (),
        settings: Settings = DEFAULTS,
    ) -> None:
        self._definitions, self._processes = definitions, processes
        self.settings = settings._replace(env=Allowed(env), allowed_binaries=AnyProgram())
        self.code = PythonCode(activities, path or Path.cwd())

    @cached_property
    def loaded(self) -> Loaded:
        """All processes that files define, and what is wrong with the others. Raises BadDefinition for a .config file that is broken."""
        try:
            return load(self._processes, self.settings, self._definitions)
        except ConfigError as error:
            raise BadDefinition(str(error)) from None
