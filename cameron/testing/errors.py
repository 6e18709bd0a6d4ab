"""What a test has to put right before its job can be simulated, one error for each, its text says how; and how activities fail."""

from cameron.errors import CameronError


class SimulationError(CameronError):
    """The simulation cannot go on: the test is at fault, or the definitions are, not the job."""


class MissingStub(SimulationError):
    """The job reaches for something outside, and the test has not said what comes of it."""


class WrongStub(SimulationError):
    """What a stub says cannot happen to that kind of task."""


class UnusedStubs(SimulationError):
    """The test is strict, and nothing has come to some of its stubs."""


class UnknownProcess(SimulationError):
    """No process of that name is defined."""


class UnknownActivity(SimulationError):
    """The project's package has no Python activity of that name."""


class UnknownTask(SimulationError, KeyError):
    """The job has no task of that name."""

    __str__ = Exception.__str__  # a KeyError shows its text quoted


class BadDefinition(SimulationError):
    """A definition cannot be used, be it a document of the test or a file of the project."""


class OrderNotKept(SimulationError):
    """The tasks have not ended in the order that the test asks for."""


class TooManyCalls(SimulationError):
    """The job makes more calls than any that is tested should."""


class ActivityFailed(CameronError):
    """A Python activity that was performed by itself has failed, and not by a word of its own. `kind` is one that retry policies know."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind
