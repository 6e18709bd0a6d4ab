"""Replies of the main dialect that name next activities."""

from typing import Any


def growing(*next_activities: Any, parallel: bool = True, data: Any = None) -> dict[str, Any]:
    """A reply that names them: an activity's name stands for one at http://foo.test/NAME."""
    definitions = [{"name": one, "url": f"http://foo.test/{one}"} if isinstance(one, str) else one for one in next_activities]
    return {"data": data, "next_activities": {"parallelizable": "yes" if parallel else "no", "definitions": definitions}}


def wait(timeout_s: float = 3600, **more: Any) -> dict[str, Any]:
    """The activity `approve`, a wait."""
    return {"name": "approve", "kind": "wait", "timeout_s": timeout_s, **more}


def delay(delay_s: float = 60) -> dict[str, Any]:
    """The activity `rest`, a delay."""
    return {"name": "rest", "kind": "delay", "delay_s": delay_s}


def pack(**more: Any) -> dict[str, Any]:
    """The activity `pack`, a command."""
    return {"name": "pack", "kind": "command", "command": ["/bin/pack", "-v"], **more}
