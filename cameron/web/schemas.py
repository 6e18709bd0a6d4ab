"""`GET /api/schema`: the forms of definition there are, and where each is described."""

import falcon

from cameron.definitions.schema import names
from cameron.web.answer import tell
from cameron.web.paths import encode_segment


class Schemas:
    """The same on every node of one version."""

    def on_get(self, _request: falcon.Request, response: falcon.Response) -> None:
        tell(response, {"schemas": [{"dialect": name, "location": f"/api/schema/{encode_segment(name)}"} for name in names()]})

    on_head = on_get
