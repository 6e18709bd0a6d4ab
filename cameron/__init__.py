"""Cameron: a web-based process engine. REST clients start pre-defined processes; their activities are HTTP calls, run in parallel."""

from importlib import import_module
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
    from cameron.activities.activity import Context, PermanentFailure, TemporaryFailure, activity
    from cameron.activities.base_activity import BaseActivity
    from cameron.engine import Engine

__version__ = "0.1.0"
__all__ = [
    "Activity",
    "Backlogged",
    "BaseActivity",
    "CallbackLate",
    "CallbackNotFound",
    "CallbackUsed",
    "CameronError",
    "ConfigError",
    "Context",
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
    "PermanentFailure",
    "ProcessNotFound",
    "StoreUnavailable",
    "TemporaryFailure",
    "WrongUse",
    "__version__",
    "activity",
]

_IMPORTED = {
    "Engine": "cameron.engine",
    "BaseActivity": "cameron.activities.base_activity",
    **dict.fromkeys(("Context", "PermanentFailure", "TemporaryFailure", "activity"), "cameron.activities.activity"),
}


def __getattr__(name: str) -> Any:
    """Imported when asked for: the engine brings redis and the actors along, which the command line's small commands need not wait for."""
    if name not in _IMPORTED:
        raise AttributeError(f"module 'cameron' has no attribute {name!r}")
    return getattr(import_module(_IMPORTED[name]), name)
