"""Activities that are functions: what they are given is checked and converted by their annotations, and so is what they return."""

from dataclasses import dataclass
from typing import TypedDict

from cameron import Context, PermanentFailure, activity


@dataclass
class Order:
    """What an OrderWorkflow is started with."""

    item: str
    pieces: int
    price: float  # of a piece
    email: str = ""

    @property
    def total(self) -> float:
        """Of all pieces."""
        return round(self.pieces * self.price, 2)


class Payment(TypedDict):
    """What a charge comes to."""

    paid: float
    reservation: str | None


@activity
def check_credit(order: Order, context: Context) -> bool:
    """Whether the total is within the config's `credit_limit`; else no other attempt would do."""
    if order.total > context.config["credit_limit"]:
        raise PermanentFailure(f"{order.total} is above the limit of {context.config['credit_limit']}")
    return True


@activity(timeout_s=10)
def charge(order: Order, context: Context) -> Payment:
    """The payment, with the reservation that an activity before it has made."""
    return {"paid": order.total, "reservation": context.session_get("reservation")}


@activity(isolation="process")
def send_receipt(order: Order) -> str:
    """To whom; in a process of its own, which may be killed."""
    if not order.email:
        raise PermanentFailure("the order has no e-mail address")
    return f"sent to {order.email}"
