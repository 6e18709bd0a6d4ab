"""The actor that makes all HTTP calls: tell it a `Call`, be told `Replies`. It knows nothing of jobs, dialects or retries.

One thread, one libcurl loop (`curl_loop.py`), whose epoll is also where the actor waits for messages. An error of one call is
that call's Reply; should the loop itself fail, the actor crashes, everything in flight is dropped without a Reply, and who
has calls under way learns it by monitoring the actor.
"""

import logging
import resource
from typing import Any

from cameron import fault
from cameron.activities.call import Call, Cancel, Congestion, Failure, InvalidCall, Replies, Reply, ReplyTo, Report
from cameron.activities.curl_loop import CurlLoop
from cameron.otp import Exit, Reason, ThreadActor

__all__ = ["Call", "Cancel", "Failure", "HttpCalls", "InvalidCall", "Replies", "Reply", "ReplyTo", "raise_descriptor_limit"]

DESCRIPTORS_WANTED = 65_536
DESCRIPTORS_FOR_OTHERS = 256  # files, Redis, the web server

log = logging.getLogger(__name__)


class HttpCalls(ThreadActor):
    """Makes `Call`s; drops them at a `Cancel`. Tells `Replies` to whom the calls name, all that completed in one turn at once.

    At most `max_calls` are in flight, `max_calls_per_host` of them to one host and port; the rest waits, host by host in turn.
    """

    def __init__(self, max_calls: int, max_calls_per_host: int, proxy: str = "") -> None:
        super().__init__()
        self._max_calls = max_calls
        self._max_calls_per_host = max_calls_per_host
        self._proxy = proxy
        self._loop: CurlLoop | None = None

    def on_start(self) -> None:
        """Open the loop; raise this process's descriptor limit, as every call takes one."""
        possible = max(1, raise_descriptor_limit() - DESCRIPTORS_FOR_OTHERS)
        if possible < self._max_calls:
            log.warning("only %d calls at once instead of %d: raise the limit of open files (ulimit -n)", possible, self._max_calls)
        max_calls = min(self._max_calls, possible)
        self._loop = CurlLoop(max_calls, min(self._max_calls_per_host, max_calls), self._proxy)

    def on_receive(self, message: Any) -> None:
        """Take a Call, a Cancel or a Report; what is none of them is logged and dropped, as a crash would cost everybody their calls."""
        if isinstance(message, Call):
            self._add(message)
        elif isinstance(message, Cancel):
            self._open_loop.cancel(message.reply_to, message.task)
        elif isinstance(message, Report):
            self._tell(message.to, Congestion(self._open_loop.waiting()))
        else:
            super().on_receive(message)

    def wait(self, timeout_s: float | None) -> None:
        """Let the loop work until something happened, and tell what completed."""
        for receiver, replies in self._open_loop.poll(timeout_s).items():
            fault.at("call.ended")
            self._tell(receiver, Replies(replies))
        if self.is_fenced:  # killed, so `terminate` is not called
            self._open_loop.close()

    def wake(self) -> None:
        """End the wait; any thread."""
        if self._loop is not None:
            self._loop.wake()

    def terminate(self, reason: Reason) -> None:
        """Drop all calls, close all connections."""
        self._open_loop.close()

    def _add(self, call: Call) -> None:
        try:
            self._open_loop.add(call)
        except TypeError:
            log.exception("a Call was dropped: its reply_to and task have to be hashable")

    def _tell(self, receiver: ReplyTo, message: Replies | Congestion) -> None:
        try:
            receiver.tell(message)
        except Exit:  # this actor was killed meanwhile: what it has to say counts no longer
            return
        except Exception:  # one receiver's fault is not to cost the others their calls
            log.exception("%r could not be told what it asked for: give the ref of an actor as reply_to", receiver)

    @property
    def _open_loop(self) -> CurlLoop:
        if self._loop is None:
            raise RuntimeError("HttpCalls was used before it was started: use HttpCalls.start(...)")
        return self._loop


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open files as far as the hard one lets, up to what is of use; the limit that now holds."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    wanted = DESCRIPTORS_WANTED if hard == unlimited else min(hard, DESCRIPTORS_WANTED)
    if soft == unlimited or soft >= wanted:
        return DESCRIPTORS_WANTED if soft == unlimited else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted
