"""Functions whose annotations say what they take and give."""

from dataclasses import dataclass
from typing import NamedTuple

from cameron.activities.activity import Context, activity


@dataclass
class Order:
    """What is ordered."""

    item: str
    pieces: int = 1


class Price(NamedTuple):
    """What it comes to."""

    total: float
    currency: str


@activity
def price(order: Order, context: Context) -> Price:
    """So much each, by the config."""
    return Price(order.pieces * float(context.config["each"]), context.config["currency"])


@activity(name="upper", isolation="process")
def in_capitals(data: dict[str, str]) -> dict[str, str]:
    """All texts of an object, in a process of its own."""
    return {name: text.upper() for name, text in data.items()}


@activity
def promised(order: Order) -> int:
    """Breaks its word."""
    return order.item  # type: ignore[return-value]


@activity
def recalled(data: object, context: Context) -> str | None:
    """What another activity of the job has left in the session."""
    return context.session_get(context.config["word"])


@activity
def whoami(data: object, context: Context) -> dict[str, object]:
    """All that there is to know of a run."""
    return {name: getattr(context, name) for name in ("process", "job", "key", "task", "attempt", "config", "idempotency_key")}
