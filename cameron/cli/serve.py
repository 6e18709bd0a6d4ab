"""`cameron serve`: run a node, or several as `web.nodes` has it; `cameron server` and `cameron worker`: run a half of each."""

import gc
import os
import sys
import threading
from typing import TYPE_CHECKING

import typer

from cameron.cli.options import Environment

if TYPE_CHECKING:
    from cameron.config import Config
    from cameron.leash import Leash
    from cameron.tree import Roles

END_S = 3.0  # of a node that has stopped
RARELY = (50_000, 20, 100)  # for `gc.set_threshold`, see `_collect_rarely`


def serve(env: Environment = "development") -> None:
    """Run a node: the API, and the jobs. Ends orderly on Ctrl-C or SIGTERM."""
    _run(env, serves=True, runs=True)


def server(env: Environment = "development") -> None:
    """Run the API alone: the jobs wait for a worker. Ends orderly on Ctrl-C or SIGTERM."""
    _run(env, serves=True, runs=False)


def worker(env: Environment = "development") -> None:
    """Run jobs, without the API. Ends orderly on Ctrl-C or SIGTERM."""
    _run(env, serves=False, runs=True)


def _run(env: str, *, serves: bool, runs: bool) -> None:
    from cameron import config as configuration
    from cameron.leash import Leash

    leash = Leash.taken_from(os.environ)
    config = configuration.load(env, os.environ)
    from cameron import cores, log, node_group, quiet_core, tree
    from cameron.otp import affinity

    roles = tree.Roles(serves, runs)
    if node_group.count(config) > 1:
        log.configure(config.log, config.environment)
        status = node_group.serve(config, roles, [sys.executable, *sys.orig_argv[1:]])
    else:
        chosen = cores.chosen(config.node.cores)
        affinity.keep_to([quiet_core.first(chosen)] if config.node.cores == cores.ONE else chosen)  # while there is one thread
        log.configure(config.log, config.environment)
        _collect_rarely()
        status = _run_node(config, roles, leash)
    _end_soon(status)
    raise typer.Exit(status)


def _run_node(config: "Config", roles: "Roles", leash: "Leash | None") -> int:
    from cameron import tree

    if leash is None:
        return tree.serve(config, roles)
    leash.obey(tree.stop_bound_s(config, roles) + END_S)
    return tree.serve(config, roles, leash.say_started)


def _collect_rarely() -> None:
    """Look for garbage in cycles a hundred times less often than Python does by itself, and never among what is there from the start.

    A node makes hardly any; with 100,000 jobs waiting each look at all of them stops every thread for a second, and a restart with them
    took twice as long.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*RARELY)


def _end_soon(status: int) -> None:
    """Python ends as it does, but waits no longer than END_S for what activities have left behind: threads, functions called at exit."""
    end = threading.Timer(END_S, os._exit, (status,))
    end.daemon = True
    end.start()
