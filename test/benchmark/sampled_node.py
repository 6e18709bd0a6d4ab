"""`cameron` under a sampler: `python test/benchmark/sampled_node.py FILE serve --env test`; "start" and "stop" on its input.

The kernel interrupts whichever thread has just used up a tick of CPU, and faulthandler, in C and without the GIL, writes that thread's
Python stack to FILE: so waiting costs nothing and no thread is favoured. CPU by thread goes to FILE.threads as JSON.
"""

import faulthandler
import json
import signal
import sys
import threading
import time

TICK_S = 0.001  # asked for; the kernel rounds it up to its own tick (4 ms, mostly)


def threads_cpu_s() -> dict[str, float]:
    """CPU each living thread has used so far, by name; threads of one kind are added up."""
    used: dict[str, float] = {}
    for thread in threading.enumerate():
        if thread.native_id is not None:
            name = thread.name.rstrip("0123456789-")
            clock = ~thread.native_id << 3 | 6  # a thread's, as pthread_getcpuclockid(3) gives it, but an error where it has ended
            used[name] = used.get(name, 0.0) + time.clock_gettime(clock)
    return used


def obey(file: str) -> None:
    """Thread: what the benchmark says."""
    before: dict[str, float] = {}
    for line in open(sys.stdin.fileno(), "rb", buffering=0):  # noqa: SIM115  unbuffered: nothing to lock at the interpreter's end
        if line == b"start\n":
            before = threads_cpu_s()
            signal.setitimer(signal.ITIMER_PROF, TICK_S, TICK_S)
        else:
            signal.setitimer(signal.ITIMER_PROF, 0)
            used = {name: cpu_s - before.get(name, 0.0) for name, cpu_s in threads_cpu_s().items()}
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
