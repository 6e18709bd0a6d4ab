"""A port: the actor that stands for an operating-system process, and takes it along when it ends.

Python can't kill a thread; so what must be killable for real, such as a command or code that nobody vouches for, runs as a process under
a port. The port has a thread of its own, in which one wait is for everything: messages, output, room for input, and the process' end. No
other thread is needed; and next to a process, a thread costs nothing (0.07 ms to start, where the process takes 1 ms and more).
"""

from __future__ import annotations

import os
import selectors
import signal
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from time import monotonic
from typing import IO, Any

from cameron.otp.port_messages import PortExit, PortInput, PortInputEnd, PortOutput, PortOutputCut
from cameron.otp.port_output import OutputStream, StreamName
from cameron.otp.process_group import ProcessGroup, why_not
from cameron.otp.reasons import CannotRun, ExitStatus, Normal, Reason, Shutdown
from cameron.otp.ref import Ref
from cameron.otp.reply import Later
from cameron.otp.signals import Down
from cameron.otp.thread_actor import ThreadActor

MAX_OUTPUT_BYTES = 1_048_576
KILL_AFTER_S = 3.0  # below a child's default `shutdown` of 5 s
OWNER_MAY_LAG = 64  # messages that wait at the owner's while output is still read
REAP_S = 5.0
_CHUNK_BYTES = 65_536
_LOOK_AGAIN_S = 0.01  # at an owner that lags
_MOST_BYTES_AFTER_END = 1_048_576  # no pipe holds more; who still writes has left the group


class Port(ThreadActor):
    """Runs `command` (no shell) in a session of its own; ends when the process does, and ends the process when itself ends.

    Args:
        command: the program and its arguments.
        owner: who is sent `PortOutput`, `PortOutputCut` and `PortExit`; its end is the port's.
        lines: send the output line by line, not as it comes.
        max_output_bytes: of each stream; what is above is thrown away. None: no limit. Either way no more is read than the owner takes:
            while more than `OWNER_MAY_LAG` messages wait there, the process has to wait.
        kill_after_s: how long SIGTERM may take before SIGKILL follows; let the child spec's `shutdown` be longer. Killed, a port
            kills at once.
        cwd, env: as the process shall see them; None: as they are here.

    `start` fails with `CannotRun` where the command can't be run. The port ends with `Normal` after status 0, else with `ExitStatus`. What
    the process has started in its group is killed when it ends; with SIGTERM, when its outputs are closed or the time is over.
    """

    def __init__(
        self,
        command: Sequence[str],
        owner: Ref[Any],
        *,
        lines: bool = False,
        max_output_bytes: int | None = MAX_OUTPUT_BYTES,
        kill_after_s: float = KILL_AFTER_S,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        if isinstance(command, str) or not command or not all(isinstance(word, str) for word in command):
            raise ValueError(f"command must be a list of strings, the program and its arguments, not {command!r}; there is no shell")
        if max_output_bytes is not None and max_output_bytes < 0:
            raise ValueError(f"max_output_bytes must be 0 or more, or None for no limit, not {max_output_bytes!r}")
        if not kill_after_s >= 0:
            raise ValueError(f"kill_after_s must be 0 s or more, not {kill_after_s!r}")
        self._command, self._cwd, self._env = list(command), cwd, env
        self._owner, self._kill_after_s, self._max_output_bytes = owner, kill_after_s, max_output_bytes
        names: tuple[StreamName, ...] = ("stdout", "stderr")
        self._streams = [OutputStream(name, by_lines=lines, max_bytes=max_output_bytes) for name in names]
        self._open: dict[IO[bytes], OutputStream] = {}
        self._input: deque[tuple[memoryview, Later]] = deque()
        self._input_is_over = self._is_ended = self._is_paused = False
        self._bytes_after_end = 0
        self._bell = _Bell()

    def on_start(self) -> None:
        """Start the process."""
        self._thread = threading.current_thread()
        with ExitStack() as undo:
            try:
                self._selector = undo.enter_context(selectors.DefaultSelector())
                undo.callback(self._bell.close)
                self._selector.register(self._bell.open(), selectors.EVENT_READ, self._bell.clear)
                self._group = group = ProcessGroup(self._command, self._cwd, self._env)
            except OSError as error:
                self.exit(CannotRun(self._command[0], why_not(error, self._cwd)))
                return
            undo.pop_all()  # from here on the end of this actor sees to it
        self._selector.register(group.end_fd, selectors.EVENT_READ, self._has_ended)
        self._open = dict(zip((group.stdout, group.stderr), self._streams, strict=True))
        self._listen()
        ended_with = self.actor_inbox.watch(group, self._take_along)
        if ended_with is None:
            self.monitor(self._owner)
        else:  # killed while the process was starting
            self._take_along(ended_with)

    def on_receive(self, message: Any) -> Any:
        """Write input; end with the owner."""
        match message:
            case PortInput(data):
                self._input.append((memoryview(data), self.reply_later()))
                return self._write()
            case PortInputEnd():
                self._input_is_over = True
                return self._write()
            case Down():
                return self.exit(Shutdown("the owner of this port has ended"))
        return super().on_receive(message)

    def wait(self, timeout_s: float | None) -> None:
        """Wait for a message, for the process' output, and for its end."""
        self._look(timeout_s if not self._is_ended else 0)
        if self._is_ended:
            self._group.signal(signal.SIGKILL)
            if not self._is_paused and not self._look(0):
                status = self._group.status()
                self.exit(Normal if status == 0 else ExitStatus(status or 0))

    def wake(self) -> None:
        """End the wait. Any thread."""
        self._bell.ring()

    def terminate(self, reason: Reason) -> None:
        """End the whole group: ask first, then kill; tell the owner the status."""
        if not self._is_ended:
            self._group.signal(signal.SIGTERM)
            deadline = monotonic() + self._kill_after_s
            while (self._open or not self._is_ended) and (left := deadline - monotonic()) > 0 and not self.is_fenced:
                self._look(left)
        status = self._group.reap(REAP_S)
        for stream in self._open.values():
            self._tell(stream, stream.end())
        if status is not None:
            self._owner.tell(PortExit(self.actor_ref, status))
            self._close()

    # The process' end

    def _has_ended(self) -> None:
        self._is_ended = True
        self._selector.unregister(self._group.end_fd)

    def _take_along(self, reason: Reason) -> None:
        """This actor has ended: so does the process, whatever has happened. Any thread; nothing left to do after `terminate`."""
        if self._bell.is_closed:
            return
        self._group.signal(signal.SIGKILL)
        threading.Thread(target=self._clear_away, name=f"otp-{self.actor_ref}-killed", daemon=True).start()

    def _clear_away(self) -> None:
        self._thread.join()
        self._group.reap()
        self._close()

    def _close(self) -> None:
        self._bell.close()
        self._selector.close()
        self._group.close()

    # Output

    def _look(self, timeout_s: float | None) -> bool:
        """Wait for something to happen and see to it; whether there was output."""
        if self._is_paused != self._owner_lags():
            self._is_paused = not self._is_paused
            self._listen()
        if self._is_paused:
            timeout_s = _LOOK_AGAIN_S if timeout_s is None or self._is_ended else min(timeout_s, _LOOK_AGAIN_S)
        happened = self._selector.select(timeout_s)
        for key, _ in happened:
            key.data()
        return any(key.fileobj in (self._group.stdout, self._group.stderr) for key, _ in happened)

    def _owner_lags(self) -> bool:
        return len(self._owner.actor_inbox) > OWNER_MAY_LAG

    def _listen(self) -> None:
        """Have the selector look at the outputs, or not."""
        for file in self._open:
            if self._is_paused:
                self._selector.unregister(file)
            else:
                self._selector.register(file, selectors.EVENT_READ, partial(self._read, file))

    def _read(self, file: IO[bytes]) -> None:
        stream = self._open[file]
        try:
            data = os.read(file.fileno(), _CHUNK_BYTES)
        except BlockingIOError:
            return
        self._bytes_after_end += len(data) if self._is_ended else 0
        if data:
            was_cut = stream.is_cut
            self._tell(stream, stream.feed(data))
            if stream.is_cut and not was_cut:
                self._owner.tell(PortOutputCut(self.actor_ref, stream.name, self._max_output_bytes or 0))
        if not data or self._bytes_after_end > _MOST_BYTES_AFTER_END:
            self._tell(stream, stream.end())
            self._selector.unregister(file)
            del self._open[file]

    def _tell(self, stream: OutputStream, pieces: list[bytes]) -> None:
        for piece in pieces:
            self._owner.tell(PortOutput(self.actor_ref, stream.name, piece))

    # Input

    def _write(self) -> None:
        """Write as much as the process takes; the rest when it takes more."""
        stdin = self._group.stdin
        while self._input and not stdin.closed:
            data, later = self._input[0]
            try:
                data = data[os.write(stdin.fileno(), data) :]
            except BlockingIOError:
                return self._await_room()
            except OSError:  # it reads no more
                self._close_input()
                break
            if data:
                self._input[0] = (data, later)
            else:
                self._input.popleft()
                later.set(True)
        if stdin.closed or self._input_is_over:
            self._close_input()
        elif stdin in self._selector.get_map():
            self._selector.unregister(stdin)
        return None

    def _await_room(self) -> None:
        if self._group.stdin not in self._selector.get_map():
            self._selector.register(self._group.stdin, selectors.EVENT_WRITE, self._write)

    def _close_input(self) -> None:
        stdin = self._group.stdin
        if not stdin.closed:
            with suppress(KeyError):
                self._selector.unregister(stdin)
            stdin.close()
        while self._input:
            self._input.popleft()[1].set(False)


class _Bell:
    """Wakes a selector from any thread; harmless before it is opened and after it is closed."""

    def __init__(self) -> None:
        self.is_closed = False
        self._fd = -1
        self._lock = threading.Lock()

    def open(self) -> int:
        """The descriptor to wait for."""
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        return self._fd

    def ring(self) -> None:
        with self._lock:
            if self._fd >= 0:
                os.eventfd_write(self._fd, 1)

    def clear(self) -> None:
        with suppress(BlockingIOError):
            os.eventfd_read(self._fd)

    def close(self) -> None:
        with self._lock:
            self.is_closed = True
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1
