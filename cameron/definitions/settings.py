"""The node's settings that every definition starts from."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from cameron.core.process import Limits, RetryPolicy, Timeouts


def refused_variable(name: str) -> str:
    """What is told of a template that names an environment variable which is not in `Settings.env`."""
    return f"{name} is not allowed, or not set: add it to env under [templates]"


class Settings(NamedTuple):
    """Defaults of what a definition does not say itself."""

    retry: RetryPolicy = RetryPolicy()
    timeouts: Timeouts = Timeouts()
    limits: Limits = Limits()
    env: Mapping[str, str] = MappingProxyType({})  # the environment variables that templates may use
    allowed_binaries: frozenset[str] = frozenset()  # programs that activities may run, as definitions write them
    command_timeout_s: float = 300.0
    callback_timeout_s: float = 86_400.0  # for a callback that a service promises by a 202
