"""`POST` and `GET` of the definitions of one kind that are registered while nodes run: `/s` and `/w`."""

import falcon

from cameron.config import WebConfig
from cameron.web.answer import tell
from cameron.web.body import read_body
from cameron.web.door import Engine
from cameron.web.location import url_of
from cameron.web.wording import InPlainWords


class Definitions:
    """201 with the definition's id once it is safely stored, anew or in place of the one of its name; a GET lists them all."""

    def __init__(self, engine: Engine, web: WebConfig, dialect: str, kind: str) -> None:
        self._engine, self._web, self._dialect, self._kind = engine, web, dialect, kind

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        with InPlainWords(response):
            identity = self._engine.register(self._dialect, self._kind, read_body(request.env, self._web.max_body_bytes))
            response.set_header("Location", url_of(request.env, self._web, f"{request.path}/{identity}"))
            tell(response, {f"{self._kind}_id": identity}, falcon.HTTP_201)

    def on_get(self, _request: falcon.Request, response: falcon.Response) -> None:
        with InPlainWords(response):
            tell(response, {f"{self._kind}s": self._engine.registered(self._dialect, self._kind)})

    on_head = on_get
