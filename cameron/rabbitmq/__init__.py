"""Starts by message: jobs are started from a queue of RabbitMQ, as they are by a POST.

    starter.py       the actor: takes messages, has the engine start jobs, acknowledges what is in Redis
    starts.py        the threads that wait for the engine
    verdict.py       pure: what becomes of a message whose start failed
    subscription.py  the connection to the broker that messages come by, and acknowledgements go
    letter_box.py    the connection, and the thread, that dead letters go by
    dead_letter.py   what a message that starts nothing looks like where it is put aside
    held.py          the messages that are held, and what they wait for
    attempts.py      how the broker is reached for, again and again; reminder.py: how often a trouble is told
    broker.py        its address, and what is told where something goes wrong
    tables.py        headers that pika cannot read
    message.py       pure: what a message asks for, or why it cannot be taken

pika is wanted by those alone who name a broker: nothing imports these modules before, and `check` says what is missing.
"""

from importlib.util import find_spec

from cameron.errors import ConfigError

SHUTDOWN_S = 20.0  # for the end of the actor


def check(url: str) -> None:
    """Raises ConfigError where pika is not there, or the address is none."""
    if find_spec("pika") is None:
        raise ConfigError(
            "rabbitmq.url is set, but pika, which speaks to RabbitMQ, is not installed: "
            "pip install pika, or in a checkout of Cameron pip install '.[rabbitmq]'"
        )
    from cameron.rabbitmq.broker import parameters_of  # only here: it imports pika

    parameters_of(url)
