"""What becomes of a message whose start failed."""

from collections.abc import Callable
from typing import NamedTuple

from cameron.definitions.hint import nearest_process
from cameron.errors import Backlogged, CameronError, Draining, IdempotencyKeyReused, ProcessNotFound, StoreUnavailable
from cameron.rabbitmq.held import Wait

UNSURE_TRIES = 3  # of a name that is unknown, as another node may have had it registered just now; and after an unexpected error


class Later(NamedTuple):
    """It is started again in a while; `wait` is None where that is to make sure only."""

    wait: Wait | None


class Dead(NamedTuple):
    """It goes to the dead letters, with that reason."""

    reason: str


def verdict(error: Exception, tries: int, names: Callable[[], list[str]]) -> Later | Dead:
    """After so many tries; `names` are those of the processes there are."""
    match error:
        case Backlogged():
            return Later(Wait.PROCESS)
        case StoreUnavailable() | Draining():
            return Later(Wait.NODE)
        case IdempotencyKeyReused():
            return Dead(f"the message_id {error.key!r} was used for another start before: give each message one of its own")
        case ProcessNotFound():
            return Later(None) if tries < UNSURE_TRIES else Dead(f"{error}{nearest_process(error.name, names())}")
        case CameronError():
            return Dead(str(error))
    if tries < UNSURE_TRIES:
        return Later(None)
    return Dead(f"an unexpected error ({type(error).__name__}): the node's log has the traceback; please report it")
