"""Errors as answers: one table from our errors to HTTP statuses, one JSON form for them all.

{"error": {"code": "job_not_found", "message": "...", "field": "key"}}      field: only where one is at fault
"""

import json
import logging
import re
from collections.abc import Sequence
from typing import Any, TypeAlias

import falcon

from cameron.errors import (
    Backlogged,
    CallbackLate,
    CallbackNotFound,
    CallbackUsed,
    CameronError,
    DefinitionClash,
    DefinitionNotFound,
    Draining,
    FieldErrors,
    IdempotencyKeyReused,
    InvalidRequest,
    JobFinished,
    JobNotFinished,
    JobNotFound,
    JobUnreadable,
    KeyTaken,
    MissingInputs,
    NodeNotFound,
    NothingToRetry,
    ProcessNotFound,
    StoreUnavailable,
)
from cameron.web.body import BodyTooLarge
from cameron.web.paths import without_token
from cameron.web.schema import SchemaNotFound

log = logging.getLogger(__name__)
App: TypeAlias = "falcon.App[falcon.Request, falcon.Response]"

# The nearest class of an error's ancestry counts; a CameronError that is not here is a bug of ours and answers 500.
STATUS: dict[type[CameronError], str] = {
    InvalidRequest: falcon.HTTP_400,
    BodyTooLarge: falcon.HTTP_413,
    FieldErrors: falcon.HTTP_400,
    MissingInputs: falcon.HTTP_400,
    ProcessNotFound: falcon.HTTP_404,
    JobNotFound: falcon.HTTP_404,
    NodeNotFound: falcon.HTTP_404,
    SchemaNotFound: falcon.HTTP_404,
    CallbackNotFound: falcon.HTTP_404,
    DefinitionNotFound: falcon.HTTP_404,
    JobFinished: falcon.HTTP_409,
    JobNotFinished: falcon.HTTP_409,
    NothingToRetry: falcon.HTTP_409,
    KeyTaken: falcon.HTTP_409,
    CallbackUsed: falcon.HTTP_409,
    CallbackLate: falcon.HTTP_409,
    DefinitionClash: falcon.HTTP_409,
    IdempotencyKeyReused: falcon.HTTP_422,
    JobUnreadable: falcon.HTTP_500,
    Backlogged: falcon.HTTP_503,
    Draining: falcon.HTTP_503,
    StoreUnavailable: falcon.HTTP_503,
}
CODE: dict[type[CameronError], str] = {
    ProcessNotFound: "process_not_found",
    JobNotFound: "job_not_found",
    NodeNotFound: "node_not_found",
    SchemaNotFound: "schema_not_found",
    CallbackNotFound: "callback_not_found",
    DefinitionNotFound: "definition_not_found",
    JobFinished: "job_finished",
    JobNotFinished: "job_not_finished",
    NothingToRetry: "nothing_to_retry",
    KeyTaken: "key_taken",
    CallbackUsed: "callback_used",
    CallbackLate: "callback_late",
    DefinitionClash: "definition_clash",
    IdempotencyKeyReused: "idempotency_key_reused",
    JobUnreadable: "job_unreadable",
    Backlogged: "backlog_full",
    Draining: "draining",
    StoreUnavailable: "store_unavailable",
}
_FIELD = re.compile(r"\{(\w+)\}")  # of a path's template
LONGEST_SHOWN = 200  # characters of a client's own text that are repeated to it


def error_json(code: str, message: str, field: str | None = None) -> bytes:
    """The one form in which every error is told, as UTF-8."""
    return _json({"code": code, "message": message} if field is None else {"code": code, "message": message, "field": field})


def error_of(error: CameronError) -> dict[str, str]:
    """What is told of an error: its `code`, its `message`, and the `field` at fault where there is one."""
    told = {"code": error.code if isinstance(error, InvalidRequest) else CODE[_known(error)], "message": str(error)}
    field: str | None = getattr(error, "field", None)
    return told if field is None else {**told, "field": field}


def _json(error: dict[str, str]) -> bytes:
    return json.dumps({"error": error}, ensure_ascii=False).encode(errors="replace")


def add_error_handlers(app: App, starts: Sequence[str]) -> None:
    """Make `app` answer every error in our form, whoever raised it; `starts` are the templates of the paths at which jobs are started."""
    hint = _hint(starts)

    def answer_falcons(request: falcon.Request, response: falcon.Response, error: Exception, _params: dict[str, Any]) -> None:
        _answer_falcons(request, response, error, hint)

    for kind in STATUS:
        app.add_error_handler(kind, _answer_ours)
    app.add_error_handler(Exception, _answer_unexpected)
    app.add_error_handler(falcon.HTTPError, answer_falcons)


def _answer_ours(_request: falcon.Request, response: falcon.Response, error: Exception, _params: dict[str, Any]) -> None:
    assert isinstance(error, CameronError)
    response.status = status_of(error)
    response.data = _json(error_of(error))
    say_when_to_come_back(response, error)
    _as_json(response)


def status_of(error: CameronError) -> str:
    """The HTTP status in which the error is told."""
    return STATUS[_known(error)]


def say_when_to_come_back(response: falcon.Response, error: Exception) -> None:
    """The header Retry-After, for an error that passes."""
    if isinstance(error, Backlogged | Draining | StoreUnavailable):
        response.set_header("Retry-After", str(error.retry_after_s))


def _known(error: Exception) -> type[CameronError]:
    return next(kind for kind in type(error).__mro__ if kind in STATUS)


def _hint(starts: Sequence[str]) -> str:
    """What whoever is lost may have looked for."""
    *most, last = (_FIELD.sub(lambda field: field[1].upper(), start) for start in starts)
    return f"jobs are started by POST to {', '.join(most)} or {last}, and are where their Location says"


def _answer_falcons(request: falcon.Request, response: falcon.Response, error: Exception, hint: str) -> None:
    """Errors of routing and of the protocol: no such path, a method that is not there, a request that cannot be read."""
    assert isinstance(error, falcon.HTTPError)
    response.status = error.status
    if error.headers is not None:
        response.set_headers(error.headers)
    code = falcon.code_to_http_status(error.status).partition(" ")[2].replace(" ", "_").lower()
    response.data = error_json(code, _falcons_message(request, error, hint))
    _as_json(response)


def _falcons_message(request: falcon.Request, error: falcon.HTTPError, hint: str) -> str:
    path = request.path[:LONGEST_SHOWN]
    if isinstance(error, falcon.HTTPMethodNotAllowed):
        allowed = dict(error.headers or {}).get("Allow", "")
        return f"{request.method} is not answered at {path}: use one of {allowed}"
    if isinstance(error, falcon.HTTPNotFound):
        return f"there is nothing at {path}: {hint}"
    return error.description or f"the request to {path} cannot be read as HTTP: check its method and headers"


def _answer_unexpected(request: falcon.Request, response: falcon.Response, error: Exception, _params: dict[str, Any]) -> None:
    log.error("unexpected error while answering %s %s", request.method, without_token(request.path)[:LONGEST_SHOWN], exc_info=error)
    response.status = falcon.HTTP_500
    response.data = error_json("internal_error", "the server failed on this request: its log has the traceback; please report it")
    _as_json(response)


def _as_json(response: falcon.Response) -> None:
    """Undo what a resource had set before it failed."""
    response.content_type = falcon.MEDIA_JSON
    response.text = None
