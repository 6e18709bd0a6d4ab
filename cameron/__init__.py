"""Cameron: a web-based process engine. REST clients start pre-defined processes; their activities are HTTP calls, run in parallel."""

from typing import TYPE_CHECKING, Any

from cameron.core.process import Activity
from cameron.errors import (
    Backlogged,
    CallbackLate,
    CallbackNotFound,
    CallbackUsed,
    CameronError,
    ConfigError,
    DefinitionClash,
    DefinitionNotFound,
    Draining,
    FieldErrors,
    IdempotencyKeyReused,
    InvalidRequest,
    JobFinished,
    JobNotFinished,
    JobNotFound,
    JobUnreadable,
    KeyTaken,
    MissingInputs,
    NodeNotFound,
    NothingToRetry,
    ProcessNotFound,
    StoreUnavailable,
    WrongUse,
)

if TYPE_CHECKING:
    from cameron.engine import Engine

__version__ = "0.1.0"
__all__ = [
    "Activity",
    "Backlogged",
    "CallbackLate",
    "CallbackNotFound",
    "CallbackUsed",
    "CameronError",
    "ConfigError",
    "DefinitionClash",
    "DefinitionNotFound",
    "Draining",
    "Engine",
    "FieldErrors",
    "IdempotencyKeyReused",
    "InvalidRequest",
    "JobFinished",
    "JobNotFinished",
    "JobNotFound",
    "JobUnreadable",
    "KeyTaken",
    "MissingInputs",
    "NodeNotFound",
    "NothingToRetry",
    "ProcessNotFound",
    "StoreUnavailable",
    "WrongUse",
    "__version__",
]


def __getattr__(name: str) -> Any:
    """The engine brings redis and the actors along, which the command line's small commands need not wait for."""
    if name == "Engine":
        from cameron.engine import Engine

        return Engine
    raise AttributeError(f"module 'cameron' has no attribute {name!r}")
