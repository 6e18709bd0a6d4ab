"""The supervisor: enacts what `supervision.decide` decides."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Hashable, Iterable
from time import monotonic
from typing import Any

from cameron.otp import decisions as do
from cameron.otp import names
from cameron.otp.calls import ChildFailed, ChildStarted, CountChildren, GetChildSpec, StartChild, WhichChildren
from cameron.otp.child import Child, ChildCount, ChildInfo, ChildSpec, ChildState
from cameron.otp.errors import ChildNotFound, Ignore, StartFailed
from cameron.otp.intensity import Restarts
from cameron.otp.parenthood import adopt, disown, end_child, start_from
from cameron.otp.reasons import Reason, crash_of
from cameron.otp.report import log_failure, log_stop
from cameron.otp.signals import ChildEnded
from cameron.otp.supervision import AutoShutdown, Strategy, decide, supervision
from cameron.otp.thread_actor import ThreadActor


class Supervisor(ThreadActor):
    """Starts its children in order, restarts them by its strategy, stops them in reverse. See `calls` for what it can be asked.

    It has its own thread, as it waits for its children's starts and ends; `start` returns when all children have started, and fails
    with `Shutdown(("failed_to_start_child", id, reason))` when one did not. A child's start function runs in this thread.
    """

    start_timeout_s = None  # each child has its own

    def __init__(
        self,
        specs: Iterable[ChildSpec],
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        intensity: int = 1,
        period_s: float = 5.0,
        auto_shutdown: AutoShutdown = AutoShutdown.NEVER,
    ) -> None:
        super().__init__()
        self.state = supervision(specs, strategy, Restarts(intensity, period_s), auto_shutdown)
        self._names: dict[Hashable, str] = {}  # the registered names that children have had

    def on_start(self) -> None:
        """Start the children."""
        self._enact(do.Boot())

    def on_receive(self, message: Any) -> Any:
        """Answer the calls; hear of the children's ends."""
        match message:
            case ChildEnded(child_id, ref, reason):
                disown(self.actor_ref, ref)
                return self._enact(do.Ended(child_id, ref, reason, monotonic(), random.random()))
            case do.TryAgain(child_id, attempt):
                return self._enact(do.Again(child_id, attempt, monotonic(), random.random()))
            case StartChild():
                return self._start_child(message)
            case do.TerminateChild() | do.RestartChild() | do.DeleteChild():
                return self._enact(message)
            case WhichChildren():
                return [_info(child) for child in reversed(list(self.state.children.values()))]
            case CountChildren():
                return self._count()
            case GetChildSpec(child_id):
                child = self.state.children.get(child_id)
                return ChildNotFound(child_id) if child is None else child.spec
        return super().on_receive(message)

    def terminate(self, reason: Reason) -> None:
        """Stop the children in reverse."""
        self._enact(do.StopAll())

    def children_now(self) -> list[Child]:
        """The children as they are, for people to look at. Any thread."""
        return list(self.state.children.values())

    def _start_child(self, message: StartChild) -> Any:
        spec: Any = message.args[0] if len(message.args) == 1 else message.args
        answer = self._enact(do.AddChild(spec))
        if message.reply_to is not None:
            message.reply_to.tell(_told(message.tag, answer))
        return answer

    def _count(self) -> ChildCount:
        children = self.state.children.values()
        supervisors = sum(child.spec.type == "supervisor" for child in children)
        active = sum(child.ref is not None and child.ref.is_alive() for child in children)
        return ChildCount(len(children), active, supervisors, len(children) - supervisors)

    def _enact(self, event: do.Event) -> Any:
        """Decide on an event and on what follows from it, until nothing does; return the answer that came of it."""
        answer = None
        events = deque([event])
        while events:
            self.state, effects = decide(self.state, events.popleft())
            self._keep_promises()
            for effect in effects:
                match effect:
                    case do.Start(spec):
                        events.append(self._start(spec))
                    case do.Stop(children):
                        self._stop_children(children)
                    case do.TryAgain():
                        self._try_again(effect)
                    case do.Leave(reason):
                        self.exit(reason)
                    case do.Answer(value):
                        answer = value
                    case do.Report():
                        log_failure(self.actor_ref, effect)
        return answer

    def _start(self, spec: ChildSpec) -> do.Event:
        try:
            ref = start_from(spec.start)
        except Ignore:
            return do.Ignored()
        except StartFailed as failure:
            return do.NotStarted(failure.reason, monotonic(), random.random())
        adopt(self.actor_ref, ref, spec)
        if ref.name is not None:
            self._names[spec.id] = ref.name
        return do.Started(ref)

    def _stop_children(self, children: Iterable[Child]) -> None:
        for child in children:
            disown(self.actor_ref, child.ref)
            end_child(child.ref, child.spec.shutdown_s)
            log_stop(self.actor_ref, child.spec, child.ref)

    def _try_again(self, effect: do.TryAgain) -> None:
        if effect.delay_s > 0:
            self.send_after(effect.delay_s, effect)
        else:
            self.actor_ref.tell(effect)

    def _keep_promises(self) -> None:
        """Let `Address.ask` tell a child that will be back from one that won't."""
        for child_id, name in list(self._names.items()):
            if self.state.awaits(child_id):
                names.expect(name, self.actor_ref)
            else:
                names.expect_no_longer(name)
            if child_id not in self.state.children:
                del self._names[child_id]


def _info(child: Child) -> ChildInfo:
    restarting = child.state is ChildState.RESTARTING
    return ChildInfo(child.spec.id, child.state.value if restarting else child.ref, child.spec.type)


def _told(tag: Any, answer: Any) -> ChildStarted | ChildFailed:
    if isinstance(answer, StartFailed):
        return ChildFailed(tag, answer.reason)
    return ChildFailed(tag, crash_of(answer)) if isinstance(answer, Exception) else ChildStarted(tag, answer)
