"""Why an actor did not start where a person has to mend something: told as it is, without a traceback."""

from dataclasses import dataclass

from cameron.errors import CameronError
from cameron.otp import Reason


@dataclass(frozen=True, slots=True)
class Misconfigured(Reason):
    """An exit reason: a setting or a file cannot be used; the error's text says which, and what to do."""

    error: CameronError

    def __str__(self) -> str:
        return str(self.error)
