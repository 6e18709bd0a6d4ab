"""`GET` of a registered definition as a picture: SVG, or the text from which mermaid draws one."""

import falcon

from cameron.web.door import Engine, Picture
from cameron.web.paths import decode_segment
from cameron.web.wording import InPlainWords

MEDIA: dict[Picture, str] = {"svg": "image/svg+xml", "mermaid": "text/plain; charset=utf-8"}

NO_SCRIPTS = "default-src 'none'; style-src 'unsafe-inline'"


class DefinitionPicture:
    """What a start of it would run now."""

    def __init__(self, engine: Engine, dialect: str, form: Picture) -> None:
        self._engine, self._dialect, self._form = engine, dialect, form

    def on_get(self, _request: falcon.Request, response: falcon.Response, id: str) -> None:
        with InPlainWords(response):
            response.data = self._engine.picture(self._dialect, decode_segment(id), self._form).encode()
            response.content_type = MEDIA[self._form]
            response.set_header("Cache-Control", "no-store")
            response.set_header("Content-Security-Policy", NO_SCRIPTS)  # a browser would run them, with the API's own origin

    on_head = on_get
