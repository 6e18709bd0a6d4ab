"""One job of 10,000 parallel tasks, and one of 1,000, against a service that answers at once: seconds to its end, CPU and memory.

python test/benchmark/many_tasks.py [--small] [--tasks 1000 10000]
"""

import argparse
import json
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from programs import HERE, Program, start_redis
from scenario import Told, rss_mib, start_cameron, start_jobs, status_number, wait_until, write_processes

from cameron.store import keys

TASKS, SMALL = (1000, 10_000), (100, 1000)
BODY = json.dumps({"key": "(id,007)", "data": "something", "requestor": "benchmark"})


def measure(folder: Path, stack: ExitStack, tasks: int, told: Told) -> None:
    """A node of its own for it."""
    redis, store, url = start_redis(folder)
    stack.enter_context(redis)
    service = stack.enter_context(Program(folder, "service", [sys.executable, str(HERE / "slow_service.py"), "0", str(tasks)]))
    write_processes(folder, {"many": f"http://127.0.0.1:{int(service.hear())}/start"})
    node, port = start_cameron(folder, url, {"CAMERON_JOB_MAX_TASKS": str(2 * tasks)})
    stack.enter_context(node)
    empty_mib, cpu_s, redis_s, began_s = rss_mib(node), node.cpu_s(), redis.cpu_s(), time.monotonic()
    start_jobs(folder, port, "many", 1, BODY, connections=1, batch=0)
    wait_until(lambda: int(store.zcard(keys.jobs("many", "done"))) == 1, "the job is done", 300, poll_s=0.005, needs=[node, service])
    told.tell(f"{tasks} tasks, from the POST to the job's end", time.monotonic() - began_s, "s")
    told.tell("  node's CPU a task", (node.cpu_s() - cpu_s) / tasks * 1000, "ms")
    told.tell("  redis's CPU a task", (redis.cpu_s() - redis_s) / tasks * 1000, "ms")
    told.tell("  node's RSS before", empty_mib, "MiB")
    told.tell("  node's peak RSS", status_number(node, "VmHWM") / 1024, "MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help=" and ".join(map(str, SMALL)))
    parser.add_argument("--tasks", type=int, nargs="+")
    given = parser.parse_args()
    sizes = given.tasks or (SMALL if given.small else TASKS)
    told = Told("many_tasks", {"tasks": list(sizes)})
    for tasks in sizes:
        with tempfile.TemporaryDirectory(prefix="cameron-many-tasks-") as name, ExitStack() as stack:
            measure(Path(name), stack, tasks, told)
    told.keep()


if __name__ == "__main__":
    main()
