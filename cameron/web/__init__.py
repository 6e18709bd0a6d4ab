"""The REST API as a WSGI callable: `create_app(engine, config)` runs on any WSGI server, `web.server` is ours."""

from cameron.web.application import create_app

__all__ = ["create_app"]
