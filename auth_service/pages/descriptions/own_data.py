"""The OpenAPI description of `/own-data`."""

from __future__ import annotations

from collections.abc import Mapping

from auth_service.web.route import Operation, answer

OPERATIONS: Mapping[str, Operation] = {
    "GET": {
        "summary": "Download one's own data (opened in a browser)",
        "description": "JSON, without secrets: account, sessions, connections, consents, identities.",
        "tags": ["Pages"],
        "responses": {"200": answer("The data."), "303": answer("To the login.")},
    }
}
