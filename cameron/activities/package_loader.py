"""Importing the package of activities, which is somebody else's code, within a bound."""

from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import ClassVar

from cameron.activities.python_package import PythonPackage
from cameron.errors import ConfigError
from cameron.otp import Ignore, StartFailed, StartTimeout, ThreadActor

LOAD_S = 50.0


class PackageLoader(ThreadActor):
    """Is done when it has started. One that does not come back is left behind, as one of the node's zombies."""

    start_timeout_s: ClassVar[float | None] = LOAD_S

    def __init__(self, load: Callable[[], PythonPackage], loaded: SimpleQueue[PythonPackage]) -> None:
        super().__init__()
        self._load, self._loaded = load, loaded

    def on_start(self) -> None:
        """Import it."""
        self._loaded.put(self._load())
        raise Ignore


def loaded(load: Callable[[], PythonPackage]) -> PythonPackage:
    """The package. Raises ConfigError where it cannot be imported within LOAD_S, or `load` fails."""
    found: SimpleQueue[PythonPackage] = SimpleQueue()
    try:
        with suppress(Ignore):
            PackageLoader.start(load, found)
    except StartFailed as failed:
        why = f"not done within {PackageLoader.start_timeout_s:g} s" if failed.reason == StartTimeout else str(failed.reason)
        what = "the package that [python] activities_package names could not be imported"
        raise ConfigError(f"{what} ({why}): what takes long, or waits for others, belongs in its functions") from None
    return found.get(timeout=1.0)
