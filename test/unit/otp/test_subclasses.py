"""Those who write actors may name their own things as they like: whatever is private to the library bears its prefix."""

from __future__ import annotations

from typing import Any

import pykka
import pytest

from cameron.otp import Actor, Normal, ThreadActor
from cameron.otp.probe import end_of

PREFIX = "_otp_"
PYKKAS = {name for name in vars(pykka.Actor) if name.startswith("_")}  # its hooks, and what stands behind them
NATURAL = (
    "answer alive bell construct current drain end finish handle is_done is_starting leaving letter loop monitors name names owed pause"
)
NATURAL += " ready ref register state stop terminate thread timers turn wait wake work"


@pytest.mark.parametrize("kind", [Actor, ThreadActor])
def test_whatever_is_private_in_an_actor_bears_the_prefix(kind: type[Actor]) -> None:
    actor = kind()
    names = {name for cls in (kind, Actor) for name in vars(cls)} | set(vars(actor))
    assert [name for name in sorted(names - PYKKAS) if name.startswith("_") and not name.startswith((PREFIX, "__"))] == []


@pytest.mark.parametrize("base", [Actor, ThreadActor])
def test_an_actor_may_have_private_things_of_any_other_name(base: Any) -> None:
    def init(self: Any) -> None:
        base.__init__(self)
        for number, name in enumerate(NATURAL.split()):
            if number % 2:
                setattr(self, f"_{name}", None)

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the library called a method of mine")

    own = {f"_{name}": refuse for number, name in enumerate(NATURAL.split()) if not number % 2}
    kind: Any = type("Own", (base,), {"__init__": init, "on_receive": lambda self, message: message, **own})
    ref = kind.start()
    assert ref.ask("hello") == "hello"
    later = kind.start()
    assert later.stop()
    ref.exit(Normal)
    assert end_of(ref) == Normal
