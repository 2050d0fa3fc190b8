"""The OpenAPI description of `/activity`."""

from __future__ import annotations

from collections.abc import Mapping

from auth_service.web.route import Operation, answer, text

OPERATIONS: Mapping[str, Operation] = {
    "GET": {
        "summary": "What clients did in one's own name (opened in a browser)",
        "description": "The calls under one grant, or all, newest first.",
        "tags": ["Pages"],
        "parameters": [
            {"name": "grant_id", "in": "query", "schema": text("Only this grant.")},
            {"name": "after", "in": "query", "schema": text("The place where the page begins.")},
        ],
        "responses": {"200": answer("The page."), "303": answer("To the login.")},
    }
}
