"""What the actors that perform runs themselves have in common: runs wait for a free place, and begin in order."""

from abc import abstractmethod
from typing import Any, Generic, NamedTuple, TypeVar

from cameron.activities.call import CommandRun, Occupancy, PythonRun, Relieve
from cameron.activities.receiver import give_back
from cameron.activities.runs import Runs
from cameron.otp import ThreadActor

R = TypeVar("R", CommandRun, PythonRun)


class Proceed(NamedTuple):
    """Sent to oneself: more may start, once the messages that have come meanwhile are heeded."""


class TurnTaker(ThreadActor, Generic[R]):
    """Starts one run at a time, so that those that were cancelled meanwhile wait no more; gives what waits to other nodes."""

    def __init__(self, places: int) -> None:
        super().__init__()
        self._places = places
        self._waiting: Runs[R] = Runs()

    @abstractmethod
    def taken(self) -> int:
        """How many places are."""

    @abstractmethod
    def start_run(self, run: R) -> None:
        """Let it begin, or answer it at once."""

    def may_start(self) -> bool:
        """Whether the next run need not wait."""
        return self.taken() < self._places

    def on_receive(self, message: Any) -> Any:
        """Take what is the same for all."""
        match message:
            case Relieve(most, node):
                own = self._places - self.taken()  # about to start
                give_back(self._waiting.take_last(min(most, len(self._waiting) - own)), node)
            case Proceed():
                pass
            case _:
                super().on_receive(message)

    def on_drained(self) -> None:
        """Start one run, if one may."""
        if self._waiting and self.may_start():
            self.start_run(self._waiting.take_first())
            if self._waiting and self.may_start():
                self.actor_ref.tell(Proceed())

    def occupancy(self, of: str) -> Occupancy:
        """What is told of the places, by that name."""
        return Occupancy(of, self.taken(), len(self._waiting), self._places, self._waiting.are_held_up())
