"""`GET {location}/explain`: why is this job not moving, as data and as a sentence for a person."""

import falcon

from cameron.web.answer import tell
from cameron.web.door import Engine
from cameron.web.paths import decode_segments


class JobExplanation:
    """What the job waits for, as the engine can tell at this moment."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def on_get(self, _request: falcon.Request, response: falcon.Response, name: str, key: str, uuid: str) -> None:
        tell(response, self._engine.explain(*decode_segments(name, key, uuid)))

    on_head = on_get
