"""Activities that do what the test's service says: each POSTs to its own name there, and returns what is replied, once it is."""

import json
import os
import urllib.request
from typing import Any

from cameron.activities.activity import Context, PermanentFailure, TemporaryFailure, activity
from cameron.activities.base_activity import BaseActivity

SERVICE_S = 120.0


def ask(name: str, **about: Any) -> dict[str, Any]:
    """The service's reply, an object."""
    body = json.dumps({**about, "pid": os.getpid()}).encode()
    with urllib.request.urlopen(f"{os.environ['SERVICE_URL']}{name}", body, SERVICE_S) as reply:
        return dict(json.load(reply))


class Told(BaseActivity):
    """Returns the `result` of the reply; `set` has what it puts into the session before, `get` what it tells of it then."""

    def do_activity(self) -> Any:
        """Posts what there is to know."""
        name, key, job = type(self).__name__, self.input_data["key"], self.workflow_id
        reply = ask(name, key=key, job=job, config=self.config, input_data=self.input_data)
        for word, value in reply.get("set", {}).items():
            self.session_set(word, value)
        if "get" in reply:
            ask("session", key=key, said={word: self.session_get(word) for word in reply["get"]})
        return reply["result"]


class First(Told):
    """One of three, to be told apart."""


class Second(Told):
    """Another one."""


class Third(Told):
    """And another one."""


@activity
def consult(data: dict[str, Any], context: Context) -> Any:
    """Returns the `data` of the reply; raises what it names as `temporary` or `permanent`."""
    key, attempt = data["key"], context.attempt
    reply = ask("consult", key=key, idempotency_key=context.idempotency_key, attempt=attempt, context_key=context.key, data=data)
    if "temporary" in reply:
        raise TemporaryFailure(reply["temporary"])
    if "permanent" in reply:
        raise PermanentFailure(reply["permanent"])
    return reply["data"]
