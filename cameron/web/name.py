"""`GET /api`: who is answering."""

import falcon

import cameron


class Name:
    """The system's name as plain text, its version behind it."""

    def __init__(self) -> None:
        version = getattr(cameron, "__version__", "")
        self._text = f"Cameron {version}".strip() + "\n"

    def on_get(self, _request: falcon.Request, response: falcon.Response) -> None:
        response.content_type = falcon.MEDIA_TEXT
        response.text = self._text

    on_head = on_get
