"""Answers that are worded by a dialect, or in the plain form of registrations, and not in the common one."""

import json
from types import TracebackType
from typing import Any, Self

import falcon

from cameron.definitions.manner import Answer, Manner
from cameron.errors import CameronError, FieldErrors, InvalidRequest
from cameron.web.errors import say_when_to_come_back, status_of

REGISTRATION = {"body_empty": falcon.HTTP_400, "body_not_json": falcon.HTTP_415}


def say(response: falcon.Response, answer: Answer) -> None:
    """Give a dialect's answer."""
    response.status = answer.status
    response.data = answer.body


class InWordsOf:
    """Within it, an error that the manner has words for becomes the answer; any other goes on, to be told in the common form.

    `body` is that of a start, as far as it is read; None: it is another request.
    """

    def __init__(self, manner: Manner, response: falcon.Response, body: bytes | None = None) -> None:
        self._manner, self._response, self.body = manner, response, body

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None) -> bool:
        if not isinstance(error, CameronError) or (answer := self._manner.refused(error, self.body)) is None:
            return False
        say(self._response, answer)
        say_when_to_come_back(self._response, error)
        return True


class InPlainWords:
    """Within it, an error becomes `{"message": ...}`, or `{field: [messages]}` where fields are at fault."""

    def __init__(self, response: falcon.Response) -> None:
        self._response = response

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None) -> bool:
        if not isinstance(error, CameronError):
            return False
        document: dict[str, Any] = error.fields if isinstance(error, FieldErrors) else {"message": str(error)}
        self._response.status = _registrations_status(error)
        self._response.data = json.dumps(document, ensure_ascii=False).encode(errors="replace")
        say_when_to_come_back(self._response, error)
        return True


def _registrations_status(error: CameronError) -> str:
    if isinstance(error, FieldErrors):
        return falcon.HTTP_409
    return REGISTRATION.get(error.code, status_of(error)) if isinstance(error, InvalidRequest) else status_of(error)
