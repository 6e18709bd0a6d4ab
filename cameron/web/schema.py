"""`GET /api/schema/{dialect}`: the JSON Schema of a dialect's definitions, by which they are checked."""

import falcon

from cameron.definitions.schema import names, schema_text
from cameron.errors import CameronError
from cameron.web.paths import decode_segment

SCHEMA_JSON = "application/schema+json"


class SchemaNotFound(CameronError):
    """No definitions of that form are checked by a schema; GET /api/schema lists those that are."""

    def __init__(self, dialect: str) -> None:
        super().__init__(f"there is no schema named {dialect[:100]!r}: there are {', '.join(names())}")
        self.dialect = dialect


class Schema:
    """A document for editors and checkers, as the node itself uses it."""

    def on_get(self, _request: falcon.Request, response: falcon.Response, dialect: str) -> None:
        name = decode_segment(dialect)
        if name not in names():
            raise SchemaNotFound(name)
        response.content_type = SCHEMA_JSON
        response.data = schema_text(name).encode()

    on_head = on_get
