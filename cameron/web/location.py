"""Where a job is to be found: its URL, at the host by which the client reached us; and which job is to be found at a path."""

import re
from collections.abc import Mapping
from typing import Any

from cameron.config import WebConfig
from cameron.definitions.manner import Manner
from cameron.web.paths import decode_fields, encode_segment

_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_EVERY_INTERFACE = {"", "0.0.0.0", "::"}  # recognised here, never bound


def location(environ: dict[str, Any], web: WebConfig, manner: Manner, fields: Mapping[str, str]) -> tuple[str, str]:
    """The URL of a job whose path has these fields, and that path, each part percent-encoded."""
    path = manner.job.format_map({name: encode_segment(text) for name, text in fields.items()})
    return url_of(environ, web, path), environ.get("SCRIPT_NAME", "") + path


def url_of(environ: dict[str, Any], web: WebConfig, path: str) -> str:
    """The whole URL of a path of the API."""
    return f"{environ['wsgi.url_scheme']}://{host_of(environ, web)}{environ.get('SCRIPT_NAME', '')}{path}"


def job_at(manner: Manner, fields: Mapping[str, str]) -> tuple[str, str, str]:
    """Process, key ("": the path does not say) and uuid of the job whose path has these raw fields. Raises MalformedPath."""
    said = decode_fields(fields)
    return manner.process_of(said), said.get("key", ""), said["uuid"]


def job_path(process: str, key: str, uuid: str) -> str:
    """The path at which a job of any dialect is to be found, each part percent-encoded."""
    return f"/api/process/{encode_segment(process)}/key/{encode_segment(key)}/job/{encode_segment(uuid)}"


def host_of(environ: dict[str, Any], web: WebConfig) -> str:
    """`host[:port]` as the client addressed us; where it named none that could stand in a URL, the configured one."""
    host: str = environ.get("HTTP_HOST", "")
    if _HOST.fullmatch(host):
        return host
    name = "localhost" if web.host in _EVERY_INTERFACE else web.host
    return f"[{name}]:{_port(environ, web)}" if ":" in name else f"{name}:{_port(environ, web)}"


def _port(environ: dict[str, Any], web: WebConfig) -> str:
    """The configured port; a configured 0 means "any free one", and then the server knows which."""
    return str(web.port or environ["SERVER_PORT"])
