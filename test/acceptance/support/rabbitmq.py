"""A real RabbitMQ of the suite's own: free ports, loopback only, its own folder, ended by its process ids; and a client of it."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

import pika
import pytest
from pika.adapters.blocking_connection import BlockingConnection
from pika.exceptions import AMQPError

from .port import free_port
from .program import Program
from .waiting import eventually

BINARY = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # Debian's; the one on PATH wants to be root, and becomes another user
CONTROL = BINARY.with_name("rabbitmqctl")
NODE_NAME = "cameron-test@localhost"
ALARM_SET, ALARM_CLEARED = "disk resource limit alarm set on node", "disk resource limit alarm cleared on node"
STARTED = "Server startup complete"
QUEUES = ("workflow_starter", "workflow_starter.dead")
PERSISTENT = 2


def rabbitmq_binary() -> str:
    """The broker's start script; where there is none the test is skipped, or fails where CAMERON_RABBITMQ_REQUIRED is set."""
    if BINARY.exists() and shutil.which("erl") and shutil.which("epmd"):
        return str(BINARY)
    why = "no rabbitmq-server: on Debian and Ubuntu, apt-get install --no-install-recommends rabbitmq-server"
    if os.environ.get("CAMERON_RABBITMQ_REQUIRED"):
        pytest.fail(why)
    pytest.skip(why)


class RabbitmqServer(Program):
    """The broker, with the user `user` whose password is `password`. Started again after SIGKILL it has what it had confirmed."""

    def __init__(self, folder: Path) -> None:
        self.port, epmd_port = free_port(), free_port()
        self.url = self.url_of("user", "password")
        self.up = Event()
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\ndefault_user = user\ndefault_pass = password\n", encoding="utf-8"
        )
        own = {
            "detached": "1",  # Erlang takes the place of the start script, so that its process id is the child's
            "HOME": str(folder),  # where Erlang keeps its cookie
            "ERL_EPMD_PORT": str(epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": NODE_NAME,
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }
        super().__init__("rabbitmq", folder, [rabbitmq_binary()], own, cwd=folder)
        self._names = Program("epmd", folder, ["epmd"], own, cwd=folder)  # Erlang would start one that outlives it

    def url_of(self, user: str, password: str, query: str = "") -> str:
        """Its address for somebody."""
        return f"amqp://{user}:{password}@127.0.0.1:{self.port}/%2F{query}"

    def start(self) -> None:
        """Start it, or start it again on the same port and data, and wait until it takes clients."""
        if not self._names.running:
            self._names.launch()
        starts = self.output().count(STARTED)
        self.launch()
        eventually(lambda: self._has_started(starts + 1), "rabbitmq-server to take clients", 120, every_s=0.1)
        self.up.set()

    def kill(self) -> None:
        """SIGKILL."""
        self.up.clear()
        super().kill()

    def stop(self) -> None:
        """End it; what it holds is not of interest any more."""
        self.kill()
        self._names.kill()

    @contextmanager
    def client(self) -> Iterator["Client"]:
        """A client of its own, for one thread."""
        connection = BlockingConnection(pika.URLParameters(self.url))
        try:
            yield Client(connection)
        finally:
            with suppress(AMQPError):
                connection.close()

    @contextmanager
    def alarm(self) -> Iterator[Callable[[], None]]:
        """Its disk is too full for it to take messages, until what is given is called; in any case it has room again at the end."""
        self._set_disk_free_limit("1000000GB")
        try:
            eventually(lambda: self.output().count(ALARM_SET) > self.output().count(ALARM_CLEARED), "the broker's alarm")
            yield lambda: self._set_disk_free_limit("1MB")
        finally:
            self._set_disk_free_limit("1MB")
            eventually(lambda: self.output().count(ALARM_SET) == self.output().count(ALARM_CLEARED), "the end of the broker's alarm")

    def _set_disk_free_limit(self, limit: str) -> None:
        environ = {**os.environ, **self._settings}
        control = [str(CONTROL), "-n", NODE_NAME, "set_disk_free_limit", limit]
        subprocess.run(control, env=environ, cwd=self._cwd, capture_output=True, timeout=60, check=True)

    def _has_started(self, times: int) -> bool:
        assert self.running, f"rabbitmq-server ended by itself:\n{self.output()[-4000:]}"
        return self.output().count(STARTED) == times


class Dead(NamedTuple):
    """A message of the dead-letter queue."""

    body: bytes
    properties: pika.BasicProperties

    @property
    def reason(self) -> str:
        """What it says of why it is there."""
        return str((self.properties.headers or {})["x-cameron-reason"])


class Client:
    """Publishes as the document does, but knows what the broker has taken over."""

    def __init__(self, connection: BlockingConnection) -> None:
        self.channel: Any = connection.channel()
        self.channel.confirm_delivery()

    def delete_all(self) -> None:
        """Nothing is declared any more."""
        for queue in (*QUEUES, "elsewhere"):
            self.channel.queue_delete(queue)
        self.channel.exchange_delete("start_workflow")

    def declare_afresh(self) -> None:
        """All is there and empty, as Cameron declares it."""
        self.delete_all()
        self.channel.exchange_declare("start_workflow", "fanout", durable=True)
        for queue in QUEUES:
            self.channel.queue_declare(queue, durable=True)
        self.channel.queue_bind("workflow_starter", "start_workflow")

    def publish(self, message: Any, message_id: str | None = None, properties: pika.BasicProperties | None = None, **more: Any) -> None:
        """A persistent message: bytes as they are, anything else as JSON. The broker has it, and for a queue, when this returns."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        about = properties or pika.BasicProperties(delivery_mode=PERSISTENT, message_id=message_id, **more)
        self.channel.basic_publish("start_workflow", "workflow_starter", body, about, mandatory=True)

    def waiting(self, queue: str = "workflow_starter") -> int:
        """How many messages wait in the queue; those that somebody holds are not among them."""
        return int(self.channel.queue_declare(queue, passive=True).method.message_count)

    def consumers(self, queue: str = "workflow_starter") -> int:
        """How many take messages from the queue."""
        return int(self.channel.queue_declare(queue, passive=True).method.consumer_count)

    def dead(self, queue: str = "workflow_starter.dead") -> Dead | None:
        """Take the next message out of the dead-letter queue."""
        method, properties, body = self.channel.basic_get(queue, auto_ack=True)
        return Dead(body, properties) if method else None

    def next_dead(self, queue: str = "workflow_starter.dead") -> Dead:
        """Take the next message out of the dead-letter queue when it comes."""
        dead = eventually(lambda: self.dead(queue), "a dead letter", every_s=0.05)
        assert dead is not None
        return dead


def by_message(broker: RabbitmqServer, settings: Mapping[str, str] | None = None, **rabbitmq: str) -> dict[str, str]:
    """The settings of a node that starts jobs by message; `rabbitmq` are keys of that section."""
    section = {f"CAMERON_RABBITMQ_{name}".upper(): value for name, value in {"url": broker.url, **rabbitmq}.items()}
    return {**section, **(settings or {})}
