"""The body of a batch: a JSON array of the bodies of starts."""

from itertools import islice
from typing import Final

from cameron.core.json_array import elements
from cameron.core.strict_json import NotJson
from cameron.errors import InvalidRequest

MOST: Final = 1000  # starts in a batch: their scripts run one after the other, and what else is written waits for them
FORM: Final = f"a JSON array of 1 to {MOST:,} bodies of starts"


def bodies_of(batch: bytes) -> list[bytes]:
    """The bodies as they stand in the batch, each to be read as one that came alone. Raises InvalidRequest."""
    try:
        bodies = list(islice(elements(batch), MOST + 1))
    except NotJson as error:
        raise InvalidRequest("body_not_json", f"the body cannot be read: {error}; it must be {FORM}") from None
    if not bodies:
        raise InvalidRequest("batch_empty", f"the batch is empty; it must be {FORM}")
    if len(bodies) > MOST:
        raise InvalidRequest("batch_too_large", f"the batch has more than {MOST:,} starts: send them in several")
    return bodies
