"""Tests of processes: a job's whole life without a node, in simulated time; see docs/testing.md.

Nothing of Cameron but this folder's plugin is imported before a test asks for it, and no module of the engine imports this one.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cameron.activities.activity import PermanentFailure, TemporaryFailure
    from cameron.testing.answers import CalledBack, Exited, FailedWith, Lasts, NoCallback, Real, Replied, Returned
    from cameron.testing.errors import (
        ActivityFailed,
        BadDefinition,
        MissingStub,
        OrderNotKept,
        SimulationError,
        TooManyCalls,
        UnknownActivity,
        UnknownProcess,
        UnknownTask,
        UnusedStubs,
        WrongStub,
    )
    from cameron.testing.project import Project
    from cameron.testing.simulated_call import SimulatedCall
    from cameron.testing.simulated_job import SimulatedJob, SimulatedTask
    from cameron.testing.simulator import Simulator

__all__ = [
    "ActivityFailed",
    "BadDefinition",
    "CalledBack",
    "Exited",
    "FailedWith",
    "Lasts",
    "MissingStub",
    "NoCallback",
    "OrderNotKept",
    "PermanentFailure",
    "Project",
    "Real",
    "Replied",
    "Returned",
    "SimulatedCall",
    "SimulatedJob",
    "SimulatedTask",
    "SimulationError",
    "Simulator",
    "TemporaryFailure",
    "TooManyCalls",
    "UnknownActivity",
    "UnknownProcess",
    "UnknownTask",
    "UnusedStubs",
    "WrongStub",
]

_ANSWERS = ("CalledBack", "Exited", "FailedWith", "Lasts", "NoCallback", "Real", "Replied", "Returned")
_HOMES = {
    **dict.fromkeys(_ANSWERS, "cameron.testing.answers"),
    "PermanentFailure": "cameron.activities.activity",
    "Project": "cameron.testing.project",
    "SimulatedCall": "cameron.testing.simulated_call",
    "SimulatedJob": "cameron.testing.simulated_job",
    "SimulatedTask": "cameron.testing.simulated_job",
    "Simulator": "cameron.testing.simulator",
    "TemporaryFailure": "cameron.activities.activity",
}


def __getattr__(name: str) -> Any:
    """The plugin is loaded with every run of pytest, whether a test wants Cameron or not: it is not to bring all of this along."""
    if name in __all__:
        return getattr(import_module(_HOMES.get(name, "cameron.testing.errors")), name)
    raise AttributeError(f"module 'cameron.testing' has no attribute {name!r}")
