"""Where a job is to be found: its URL, at the host by which the client reached us."""

import re
from typing import Any

from cameron.config import WebConfig
from cameron.web.paths import encode_segment

_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_EVERY_INTERFACE = {"", "0.0.0.0", "::"}  # recognised here, never bound


def job_url(environ: dict[str, Any], web: WebConfig, process: str, key: str, uuid: str) -> str:
    """The documented Location of a job, each part percent-encoded."""
    mount = f"{environ['wsgi.url_scheme']}://{host_of(environ, web)}{environ.get('SCRIPT_NAME', '')}"
    return mount + job_path(process, key, uuid)


def job_path(process: str, key: str, uuid: str) -> str:
    """The path of a job below the API's root, each part percent-encoded."""
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
