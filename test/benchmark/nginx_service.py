"""nginx as the service that answers at once: the replies of `static_service.py`, from a configuration in a folder of its own."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

STATUS = "/seen"  # how many requests there were, this one included: stub_status
_CONFIGURATION = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 16384; }}
http {{
  access_log off;
  default_type application/json;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  tcp_nodelay on;
{temporary}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location = {status} {{ stub_status; }}
{locations}
  }}
}}
"""
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")  # Debian's build would have these where only root may write


def find() -> str:
    """Its path; "" where there is none. Debian has it where only root's PATH leads to."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin") or ""


def version() -> str:
    """Of the nginx here; "" where there is none."""
    if not (path := find()):
        return ""
    said = subprocess.run([path, "-v"], capture_output=True, text=True, timeout=10, check=True).stderr
    return said.rpartition("/")[2].split()[0]


def configuration(folder: Path, port: int, bodies: Mapping[str, str]) -> str:
    """One process, one path an exact location, connections kept for good, nothing logged."""
    return _CONFIGURATION.format(
        folder=folder,
        port=port,
        status=STATUS,
        temporary="\n".join(f"  {name}_temp_path {folder}/{name};" for name in _TEMPORARY),
        locations="\n".join(f"    location = {path} {{ return 200 {_quoted(body)}; }}" for path, body in bodies.items()),
    )


def requests(status: str) -> int:
    """How many requests stub_status tells of."""
    found = re.search(r"requests\s+\d+ \d+ (\d+)", status)
    if found is None:
        raise RuntimeError(f"nginx's stub_status says something else: {status!r}")
    return int(found[1])


def _quoted(text: str) -> str:
    if "$" in text:
        raise ValueError(f"nginx would take a $ for a variable, and knows no escape: {text}")
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
