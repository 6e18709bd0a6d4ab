"""Thousands of HTTP calls on one thread: libcurl's multi interface on an epoll of ours.

libcurl says which sockets it waits for (M_SOCKETFUNCTION) and when it wants to be called at the latest (M_TIMERFUNCTION);
we say what happened (socket_action). `CurlMulti.select` and `fdset` would be blind above descriptor 1024. An eventfd in the
same epoll lets other threads end the wait. Only what may run at once is given to libcurl: what waits for a free
connection waits in a CallQueue of ours, where no timeout runs. All methods but `wake` belong to the loop's thread.
"""

import os
import select
import threading
import time
from typing import Any

import pycurl

from cameron import fault
from cameron.activities.call import Call, Failure, InvalidCall, Reply, ReplyTo
from cameron.activities.call_queue import CallQueue
from cameron.activities.connections import Connections
from cameron.activities.lookups import Lookups, Parked
from cameron.activities.target import Target, target
from cameron.activities.transfer import Transfer, failed

CLOSE_S = 1.0  # libcurl's clean-up waits for name lookups that are under way, which can be 10 s and more; it goes on alone then
IDLE_TRANSFERS = 256  # easy handles kept for the next calls; more are freed
EPOLL_MASK = {
    pycurl.POLL_NONE: 0,
    pycurl.POLL_IN: select.EPOLLIN,
    pycurl.POLL_OUT: select.EPOLLOUT,
    pycurl.POLL_INOUT: select.EPOLLIN | select.EPOLLOUT,
}


class Waiting:
    """A call on its way: in the queue, or in flight where it has a transfer; its call is None once cancelled."""

    __slots__ = ("call", "target", "transfer")

    def __init__(self, call: Call, where: Target) -> None:
        self.call: Call | None = call
        self.target = where
        self.transfer: Transfer | None = None


class CurlLoop:
    """Takes calls, gives replies. `add` what is to be called, then `poll` again and again."""

    def __init__(self, max_calls: int, max_calls_per_host: int, proxy: str = "") -> None:
        self._queue: CallQueue[Waiting] = CallQueue(max_calls, max_calls_per_host)
        self._lookups: Lookups[Waiting] = Lookups()
        self._proxy = proxy
        self._known: dict[tuple[ReplyTo, str], list[Waiting]] = {}
        self._in_flight: dict[Any, Waiting] = {}  # by easy handle
        self._idle: list[Transfer] = []
        self._connections = Connections()
        self._ready: list[tuple[ReplyTo, Reply]] = []  # replies to calls that could not even be started
        self._deadline_s: float | None = None  # monotonic: when libcurl wants to be called
        self._wake_lock = threading.Lock()
        self._woken = False
        self._masks: dict[int, int] = {}  # what the epoll watches, by descriptor
        self._epoll = select.epoll()
        self._eventfd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._eventfd, select.EPOLLIN)
        self._multi: Any = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        self._multi.setopt(pycurl.M_MAXCONNECTS, max_calls)
        self._multi.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, max_calls)
        if not proxy:  # behind a proxy all calls have one and the same host, for libcurl
            self._multi.setopt(pycurl.M_MAX_HOST_CONNECTIONS, self._queue.max_calls_per_host)

    def add(self, call: Call) -> None:
        """Take a call. What is wrong with it is told by its Reply; only one that names no hashable receiver and task raises, TypeError."""
        known = self._known.setdefault((call.reply_to, call.task), [])
        try:
            where = target(call.url)
        except (InvalidCall, TypeError, AttributeError) as error:  # or no text at all
            if not known:
                del self._known[call.reply_to, call.task]
            self._ready.append((call.reply_to, failed(call, Failure.INVALID_URL, str(error))))
            return
        waiting = Waiting(call, where)
        known.append(waiting)
        self._queue.put(where.host, waiting)

    def cancel(self, reply_to: ReplyTo, task: str) -> None:
        """Drop the calls of this task; a connection in use by one is closed."""
        for waiting in self._known.pop((reply_to, task), ()):
            waiting.call = None
            if waiting.transfer is not None:
                self._end(waiting, waiting.transfer)

    def poll(self, timeout_s: float | None) -> dict[ReplyTo, list[Reply]]:
        """Wait until something happens, a wake included, or until the time is over; what completed, by receiver.

        It may return early with nothing. None waits as long as it takes.
        """
        self._start_what_may_run()
        for descriptor, mask in self._epoll.poll(self._wait_s(timeout_s)):
            if descriptor == self._eventfd:
                self._drain()
            else:
                self._act(descriptor, mask)
        if self._deadline_s is not None and time.monotonic() >= self._deadline_s:
            self._deadline_s = None
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        for host, scout in self._lookups.scouts():
            if scout.transfer is not None and scout.transfer.has_address():
                self._start_parked(self._lookups.found(host, time.monotonic()))
        return self._completed()

    def wake(self) -> None:
        """End the wait of `poll`, now or the next one; from any thread, also after `close`."""
        if self._woken:
            return
        with self._wake_lock:  # a closed descriptor's number may already be somebody else's
            if self._eventfd >= 0:
                self._woken = True
                os.eventfd_write(self._eventfd, 1)

    def close(self) -> None:
        """Drop all calls and free every handle and descriptor; calling it again does nothing."""
        with self._wake_lock:
            if self._eventfd < 0:
                return
            os.close(self._eventfd)
            self._eventfd = -1
        for curl, waiting in self._in_flight.items():
            self._multi.remove_handle(curl)
            if waiting.transfer is not None:
                waiting.transfer.close()
        for transfer in self._idle:
            transfer.close()
        self._in_flight.clear()
        self._idle.clear()
        self._known.clear()
        closing = threading.Thread(target=self._multi.close, name="http-close", daemon=True)
        closing.start()
        closing.join(CLOSE_S)
        self._epoll.close()

    @property
    def in_flight(self) -> int:
        """How many calls libcurl is busy with."""
        return len(self._in_flight)

    def waiting(self) -> dict[str, tuple[int, int]]:
        """By host that has calls waiting: how many are in flight, and how many wait; one that was cancelled counts until its turn."""
        self._start_what_may_run()
        return self._queue.waiting()

    def _start_what_may_run(self) -> None:
        while (waiting := self._queue.take()) is not None:
            self._start_unless_parked(waiting)

    def _start_unless_parked(self, waiting: Waiting) -> None:
        """Start the call, or let it wait for another one's name lookup; it has its slot already."""
        host = waiting.target.host
        if waiting.call is None:
            self._queue.done(host)
        elif not waiting.target.is_name or self._proxy or self._lookups.may_start(host, waiting, time.monotonic()):
            self._start(waiting, waiting.call)

    def _start_parked(self, parked: list[Parked[Waiting]]) -> None:
        for each in parked:
            self._start_unless_parked(each.item)

    def _start(self, waiting: Waiting, call: Call) -> None:
        transfer, host = self._idle.pop() if self._idle else Transfer(self._proxy), waiting.target.host
        try:
            transfer.prepare(call, waiting.target, connects=not self._connections.may_have(host))
        except (InvalidCall, ValueError, TypeError, pycurl.error) as error:  # whatever libcurl's options do not take
            reply = failed(call, Failure.INVALID_URL, f"{error} ({waiting.target.shown})")
            self._ready.append((call.reply_to, reply))
            self._forget(waiting, call)
            self._give_back(transfer, waiting)
            return
        if not call.fresh:
            self._connections.taken(host)
        self._multi.add_handle(transfer.curl)
        self._in_flight[transfer.curl] = waiting
        waiting.transfer = transfer
        fault.at("call.started")

    def _wait_s(self, timeout_s: float | None) -> float | None:
        if self._ready:
            return 0
        if self._deadline_s is None:
            return timeout_s
        until_s = max(0.0, self._deadline_s - time.monotonic())
        return until_s if timeout_s is None else min(until_s, timeout_s)

    def _drain(self) -> None:
        os.eventfd_read(self._eventfd)
        self._woken = False  # after the read: a wake in between is served by our return

    def _act(self, descriptor: int, mask: int) -> None:
        happened = pycurl.CSELECT_IN if mask & select.EPOLLIN else 0
        if mask & select.EPOLLOUT:
            happened |= pycurl.CSELECT_OUT
        if mask & (select.EPOLLERR | select.EPOLLHUP):
            happened |= pycurl.CSELECT_ERR
        self._multi.socket_action(descriptor, happened)

    def _watch(self, what: int, descriptor: int, multi: Any, data: Any) -> None:
        """M_SOCKETFUNCTION."""
        if self._eventfd < 0:  # closing
            return
        if what == pycurl.POLL_REMOVE:
            if self._masks.pop(descriptor, None) is not None:
                self._epoll.unregister(descriptor)
            return
        mask = EPOLL_MASK[what]
        if descriptor in self._masks:
            self._epoll.modify(descriptor, mask)
        else:
            self._epoll.register(descriptor, mask)
        self._masks[descriptor] = mask

    def _set_timer(self, timeout_ms: int) -> None:
        """M_TIMERFUNCTION."""
        self._deadline_s = None if timeout_ms < 0 else time.monotonic() + timeout_ms / 1000

    def _completed(self) -> dict[ReplyTo, list[Reply]]:
        replies: dict[ReplyTo, list[Reply]] = {}
        for receiver, reply in self._ready:
            replies.setdefault(receiver, []).append(reply)
        self._ready.clear()
        left = 1
        while left:
            left, whole, broken = self._multi.info_read()
            for curl in whole:
                self._finish(curl, None, replies)
            for curl, code, message in broken:
                self._finish(curl, (code, message), replies)
        return replies

    def _finish(self, curl: Any, error: tuple[int, str] | None, replies: dict[ReplyTo, list[Reply]]) -> None:
        waiting = self._in_flight[curl]
        call, transfer = waiting.call, waiting.transfer
        if call is None or transfer is None:
            return
        reply = transfer.reply(call, waiting.target) if error is None else transfer.failed(call, waiting.target, *error)
        replies.setdefault(call.reply_to, []).append(reply)
        self._forget(waiting, call)
        if error is not None and self._lookups.is_scout(waiting.target.host, waiting) and not transfer.has_address():
            self._fail_parked(waiting, transfer, error, replies)
        if error is None and not call.fresh:
            self._connections.left(waiting.target.host)
        self._end(waiting, transfer)

    def _fail_parked(self, scout: Waiting, transfer: Transfer, error: tuple[int, str], replies: dict[ReplyTo, list[Reply]]) -> None:
        """The name was not found: so it is for all who waited for it; not found in time: for those who have waited as long."""
        now_s = time.monotonic()
        for item, since_s in self._lookups.gave_up(scout.target.host):
            call = item.call
            if call is not None and transfer.is_lookup_over(error[0], call, now_s - since_s):
                replies.setdefault(call.reply_to, []).append(transfer.failed(call, item.target, *error))
                self._forget(item, call)
                self._queue.done(item.target.host)
            else:
                self._start_unless_parked(item)

    def _forget(self, waiting: Waiting, call: Call) -> None:
        """Take the call out of what `cancel` finds."""
        name = (call.reply_to, call.task)
        known = self._known[name]
        if len(known) == 1:
            del self._known[name]
        else:
            known.remove(waiting)

    def _end(self, waiting: Waiting, transfer: Transfer) -> None:
        """Take the call out of libcurl's hands."""
        self._multi.remove_handle(transfer.curl)
        del self._in_flight[transfer.curl]
        waiting.transfer = None
        self._give_back(transfer, waiting)

    def _give_back(self, transfer: Transfer, waiting: Waiting) -> None:
        """Give back a handle and the slot that the call took."""
        if len(self._idle) < IDLE_TRANSFERS:
            transfer.release()
            self._idle.append(transfer)
        else:
            transfer.close()
        host = waiting.target.host
        self._queue.done(host)
        if self._lookups.is_scout(host, waiting):
            self._start_parked(self._lookups.gave_up(host))
