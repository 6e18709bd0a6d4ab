"""The tree of supervisors and actors as data, for people to look at. Asks nobody, so it also shows actors that are stuck."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol, runtime_checkable

from cameron.otp.child import Child
from cameron.otp.dynamic_supervisor import DynamicSupervisor
from cameron.otp.ref import Ref


@runtime_checkable
class _HasChildren(Protocol):
    def children_now(self) -> Iterable[Child]: ...


@dataclass(frozen=True, slots=True)
class TreeNode:
    """One actor and what is below it."""

    name: str
    """Its registered name, else its id among its supervisor's children."""

    kind: str
    """The name of its class; "" where it does not run."""

    state: str
    """running | restarting | stopped"""

    restarts: int
    """How often its supervisor has started it again, or tried to."""

    mailbox: int
    """Messages that wait."""

    oldest_message_s: float | None
    """How long the first of them has waited, in seconds."""

    handled: int
    """Messages handled."""

    last_crash: str | None
    """How it ended the last time that this was a failure."""

    children: tuple[TreeNode, ...] = ()

    more: int = 0
    """Children that were left out."""


def tree_of(root: Ref[Any], limit: int | None = None) -> TreeNode:
    """The tree below `root`, as it is now. Any thread.

    Of a dynamic supervisor's children, of which there may be very many, it has those `limit` that run longest (None: all).
    """
    return _node(root, str(root.name or root.actor_class.__name__), "running" if root.is_alive() else "stopped", 0, None, limit)


def _node(ref: Ref[Any] | None, child_id: str, state: str, restarts: int, last_crash: str | None, limit: int | None) -> TreeNode:
    if ref is None:
        return TreeNode(child_id, "", state, restarts, 0, None, 0, last_crash)
    actor = ref.actor_inbox.actor  # None where it has just ended
    sent_at = ref.actor_inbox.oldest_sent_at()
    children: list[Child] = list(actor.children_now()) if isinstance(actor, _HasChildren) else []
    shown = children[:limit] if isinstance(actor, DynamicSupervisor) else children
    return TreeNode(
        name=ref.name or child_id,
        kind=ref.actor_class.__name__,
        state=state,
        restarts=restarts,
        mailbox=len(ref.actor_inbox),
        oldest_message_s=None if sent_at is None else monotonic() - sent_at,
        handled=0 if actor is None else actor.handled,
        last_crash=last_crash,
        children=tuple(_of_child(child, limit) for child in shown),
        more=len(children) - len(shown),
    )


def _of_child(child: Child, limit: int | None) -> TreeNode:
    failure = child.last_failure
    return _node(child.ref, str(child.spec.id), child.state.value, child.restarts, None if failure is None else str(failure), limit)
