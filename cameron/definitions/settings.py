"""The node's settings that every definition starts from."""

from typing import NamedTuple

from cameron.core.process import Limits, RetryPolicy, Timeouts


class Settings(NamedTuple):
    """Defaults of what a definition does not say itself."""

    retry: RetryPolicy = RetryPolicy()
    timeouts: Timeouts = Timeouts()
    limits: Limits = Limits()
