"""How fast Cameron is, measured on whole, finished jobs; and how fast the same calls and writes are without an engine (two floors).

    make bench        or: python test/benchmark/bench.py [--jobs 500,5000] [--clients 20] [--rounds 3] [--alone 300] [--profile]

Everything is real and in a process of its own: nodes (`cameron serve --env test`), a redis-server with `appendfsync everysec` for each
contestant, a service that answers at once (nginx where there is one, else a loop in Python), the clients. All share the machine's cores.
Rounds of one node, the floors and two nodes on one port take turns; medians are shown. The figures are appended to var/bench.jsonl.
"""

import argparse
import json
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import actors
import chart
import samples
import service
from contestants import Cameron, Contestant, Floor, Store, start_floor, start_store
from footprint import job_bytes
from meter import TASKS
from programs import PROJECT, Program, start_node
from report import Round, append, figures, machine, percentiles_ms
from requests_seen import requests_seen
from table import table

RESULTS, PICTURE = PROJECT / "var" / "bench.jsonl", PROJECT / "var" / "speed.svg"
FLOORS = ("plain_floor", "hard_floor")
NODES = "cameron_nodes"  # several of them on one port
WARM_UP_JOBS = 300
RECORDED_JOBS = 100
TURNS = 5  # in which the jobs alone are run
PROFILE_JOBS = 3000  # at least: the sampler gets one sample every 4 ms of CPU


class Stage(NamedTuple):
    """What a run is made on; all that is started there ends with the stack, the last first."""

    stack: ExitStack
    folder: Path
    given: argparse.Namespace

    def start_service(self) -> service.Service:
        """The service, up."""
        return self.stack.enter_context(service.start(self.folder, self.given.service))

    def start_store(self, name: str) -> Store:
        """A redis-server, up."""
        return start_store(self.stack, self.folder / name)

    def start_cameron(self, store: Store, serving: service.Service, nodes: int = 1, profile: Path | None = None) -> Cameron:
        """So many nodes on one port, up."""
        settings = {"CAMERON_WEB_NODES": str(nodes)} | dict(pair.split("=", 1) for pair in self.given.set)
        node, port = start_node(self.folder, store.url, serving.start_url, settings, profile, self.given.core)
        self.stack.enter_context(node)
        return Cameron(node, port, store, serving, self.folder)

    def start_floors(self, stores: dict[str, Store], serving: service.Service, recorded: Path) -> dict[str, Contestant]:
        """Both floors, up."""
        programs: dict[str, Program] = {name: start_floor(self.stack, name, self.folder, stores[name], recorded) for name in FLOORS}
        return {name: Floor(program, stores[name], serving) for name, program in programs.items()}


def measure(stage: Stage) -> dict[str, Any]:
    """All figures of a run."""
    given = stage.given
    stores = {name: stage.start_store(name) for name in ("cameron", *FLOORS)}
    seen = requests_seen(stage.folder / "seen", stores["hard_floor"].client, stores["hard_floor"].url)
    serving = stage.start_service()
    cameron = stage.start_cameron(stores["cameron"], serving)
    cameron.round(WARM_UP_JOBS, given.clients)
    recorded = stage.folder / "recording.json"
    recorded.write_text(json.dumps(cameron.record(RECORDED_JOBS, given.clients, seen).as_json()))
    others = stage.start_floors(stores, serving, recorded)
    if given.nodes > 1:
        others[NODES] = stage.start_cameron(stage.start_store(NODES), serving, given.nodes)
    for each in others.values():
        each.round(WARM_UP_JOBS, given.clients)
    contestants: dict[str, Contestant] = {"cameron": cameron, **others}
    found = {
        "service": serving.name,
        "redis": stores["cameron"].client.info("server")["redis_version"],
        "alone_ms": alone({name: contestants[name] for name in ("cameron", *FLOORS)}, given.alone),
        "jobs": {str(jobs): under_load(contestants, jobs, given.clients, given.rounds) for jobs in given.jobs},
        "redis_bytes_per_job": job_bytes(stores["cameron"].client, cameron.jobs),
    }
    for each in contestants.values():
        each.check()
    return found


def under_load(contestants: dict[str, Contestant], jobs: int, clients: int, rounds: int) -> dict[str, Any]:
    """Rounds of so many jobs, in turns."""
    ran: dict[str, list[Round]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, each in contestants.items():
            ran[name].append(each.round(jobs, clients))
    return {name: figures(ran[name]) | {"peak_rss_mib": each.peak_rss_mib()} for name, each in contestants.items()}


def alone(contestants: dict[str, Contestant], jobs: int) -> dict[str, Any]:
    """Percentiles of jobs one after another, in turns; "accept" is Cameron's until the 201."""
    took = {name: [one for _ in range(TURNS) for one in each.alone(-(-jobs // TURNS))] for name, each in contestants.items()}
    accepted = percentiles_ms([one.accept_s for one in took["cameron"]])
    return {name: percentiles_ms([one.end_s for one in ones]) for name, ones in took.items()} | {"accept": accepted}


def profile(stage: Stage, file: Path) -> str:
    """Where the node's time goes, at full load."""
    jobs = max(PROFILE_JOBS, *stage.given.jobs)
    cameron = stage.start_cameron(stage.start_store("cameron"), stage.start_service(), profile=file)
    cameron.round(WARM_UP_JOBS, stage.given.clients)
    cameron.node.tell("start")
    cameron.round(jobs, stage.given.clients)
    cameron.node.tell("stop")
    cameron.node.hear()
    return samples.tables(file, jobs)


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=lambda text: [int(part) for part in text.split(",")], default=[500, 5000], help="jobs a round")
    parser.add_argument("--clients", type=int, default=20, help="clients at once; the floors have as many jobs at once")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", type=int, default=300, help="jobs one after another")
    parser.add_argument("--service", choices=service.KINDS, default="", help="the one that there is, if not said")
    parser.add_argument("--nodes", type=int, default=2, help="on one port, beside the one node: `web.nodes`; 1 leaves them out")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a CAMERON_... variable for the node")
    parser.add_argument("--core", type=int, help="keep the node to this core (taskset): a hand-over of the interpreter is cheaper there")
    parser.add_argument("--no-actors", action="store_true", help="leave the actors out")
    parser.add_argument("--profile", action="store_true", help=f"show where the node's time goes instead, over {PROFILE_JOBS} jobs or more")
    given = parser.parse_args()
    if min(*given.jobs, given.clients, given.rounds, given.nodes) < 1 or given.alone < 2:
        parser.error("--jobs, --clients, --rounds and --nodes must be at least 1, --alone at least 2")
    return given


def title(given: argparse.Namespace, found: dict[str, Any]) -> str:
    """What was measured, on what."""
    on = machine()
    return (
        f"foo jobs of {TASKS} calls, {given.clients} clients, median of {given.rounds} rounds; service: {found['service']}; "
        f"redis {found['redis']}, appendfsync everysec\n"
        f"{on['cpu']}, {on['cores']} cores that all programs share, Python {on['python']}, libcurl {on['libcurl']}, Linux {on['kernel']}"
    )


def main() -> None:
    given = arguments()
    with tempfile.TemporaryDirectory(prefix="cameron-bench-") as name, ExitStack() as stack:
        stage = Stage(stack, Path(name), given)
        if given.profile:
            print(profile(stage, Path(name) / "stacks"))
            return
        found = measure(stage)
    print(f"{title(given, found)}\n\n{table(found, given.nodes)}\n", flush=True)
    append(RESULTS, {"options": vars(given), **found})
    if not given.no_actors:
        print(f"{actors.report()}\n")
    chart.write(RESULTS, PICTURE)
    print(f"appended to {RESULTS.relative_to(PROJECT)}, drawn in {PICTURE.relative_to(PROJECT)}")


if __name__ == "__main__":
    main()
