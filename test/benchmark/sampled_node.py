"""`cameron` under a sampler: `python test/benchmark/sampled_node.py FILE serve --env test`; "start" and "stop" on its input.

The kernel interrupts whichever thread has just used up a tick of CPU, and faulthandler, in C and without the GIL, writes that thread's
Python stack to FILE: so waiting costs nothing and no thread is favoured. What each thread used goes to FILE.threads as JSON.
"""

import faulthandler
import json
import os
import signal
import sys
import threading

from thread_use import Use, by_thread

TICK_S = 0.001  # asked for; the kernel rounds it up to its own tick (4 ms, mostly)


def threads_use() -> dict[str, Use]:
    """By the names that Python knows the threads by; the kernel knows them only from Python 3.14 on."""
    return by_thread(os.getpid(), {thread.native_id: thread.name for thread in threading.enumerate() if thread.native_id is not None})


def obey(file: str) -> None:
    """Thread: what the benchmark says."""
    before: dict[str, Use] = {}
    for line in open(sys.stdin.fileno(), "rb", buffering=0):  # noqa: SIM115  unbuffered: nothing to lock at the interpreter's end
        if line == b"start\n":
            before = threads_use()
            signal.setitimer(signal.ITIMER_PROF, TICK_S, TICK_S)
        else:
            signal.setitimer(signal.ITIMER_PROF, 0)
            used = {name: use.since(before.get(name, Use())) for name, use in threads_use().items()}
            with open(f"{file}.threads", "w") as threads:
                json.dump(used, threads)
            print("stopped", flush=True)


def main() -> None:
    from cameron.cli import main as cameron

    file = sys.argv.pop(1)
    stacks = open(file, "w")  # noqa: SIM115  faulthandler keeps its descriptor until the end
    faulthandler.register(signal.SIGPROF, file=stacks, all_threads=False)
    threading.Thread(target=obey, args=(file,), daemon=True, name="sampler").start()
    cameron()


if __name__ == "__main__":
    main()
