"""An answer that tells how things are now: a JSON document that nobody is to keep."""

import json
from typing import Any

import falcon


def tell(response: falcon.Response, document: dict[str, Any], status: str = falcon.HTTP_200) -> None:
    """Answer with `document` as JSON."""
    response.status = status
    response.data = json.dumps(document, ensure_ascii=False).encode(errors="replace")
    response.set_header("Cache-Control", "no-store")
