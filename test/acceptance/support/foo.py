"""The sample process foo: the real sample service as a program, and the same seven tasks scripted for large numbers."""

import os
import socket
from pathlib import Path
from typing import Any

from .answer import follow, reply
from .port import free_port
from .program import PROJECT, Program
from .service import Call, Service
from .waiting import eventually

TASKS = ["start", "act_1", "act_2", "act_3", "act_4", "act_5", "act_5_sub_1"]
DOCUMENT = {"key": "(id,007)", "data": "be careful with that data", "requestor": "bob_the_thin"}


class FooWorkflow(Program):
    """`test/foo_workflow/bin/run` on a port of its own (the documented one is 9292)."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://localhost:{self.port}/foo/v0.0.1"
        home = PROJECT / "test" / "foo_workflow"
        settings = {"FOO_WORKFLOW_PORT": str(self.port), "PATH": f"{PROJECT / '.venv' / 'bin'}:{os.environ['PATH']}"}
        super().__init__("foo_workflow", folder, [str(home / "bin" / "run")], settings, cwd=home)

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        self.launch()
        eventually(self._listens, "the sample service to listen", every_s=0.05)

    def requests(self) -> list[str]:
        """The activities of the `[Request :: <activity>] <payload>` lines that it has printed."""
        mark = "[Request :: "
        return [line.removeprefix(mark).partition("]")[0] for line in self.output().splitlines() if line.startswith(mark)]

    def _listens(self) -> bool:
        assert self.running, f"the sample service ended with {self.exited}:\n{self.output()}"
        try:
            socket.create_connection(("localhost", self.port), timeout=5).close()
        except OSError:
            return False
        return True


def script_foo(service: Service) -> dict[str, str]:
    """Script foo's seven tasks under `foo/` for any key; returns the process for a definitions file."""
    acts = [(f"act_{n}", service.url(f"foo/act_{n}")) for n in range(1, 6)]
    sub = follow([("act_5_sub_1", service.url("foo/act_5_sub_1"))])

    def start(call: Call) -> Any:
        return reply({"who_id": call.json["key"], "who_name": "Leandro Silva"}, name="whois", next_activities=follow(acts))

    service.on("foo/start", start)
    for name, _ in acts:
        after = sub if name == "act_5" else None
        service.on(f"foo/{name}", reply({"bar": "the likable bar"}, name=f"foo_{name}", next_activities=after))
    service.on("foo/act_5_sub_1", reply({"grault": "the likable grault"}, name="foo_act_5_sub_1"))
    return {"foo": service.url("foo/start")}
