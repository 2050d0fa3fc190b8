"""The OpenAPI description of `/device`."""

from __future__ import annotations

from collections.abc import Mapping

from auth_service.web.route import Operation, answer, form, text

OPERATIONS: Mapping[str, Operation] = {
    "GET": {
        "summary": "Where a person types the code a device shows (opened in a browser)",
        "description": "RFC 8628 §3.3. A form with the field `user_code`.",
        "tags": ["Pages"],
        "parameters": [
            {"name": "user_code", "in": "query", "schema": text("The code, to have it filled in already.")}
        ],
        "responses": {"200": answer("The page.")},
    },
    "POST": {
        "summary": "Go on with the device of a code (posted by the page)",
        "description": "Takes only the form that this browser was shown.",
        "tags": ["Pages"],
        "requestBody": form(
            {"csrf": text("From the page."), "user_code": text("As the device shows it.")},
            ("csrf", "user_code"),
            {},
        ),
        "responses": {
            "303": answer("On to the request of the device: login and consent."),
            "400": answer("The page again: no device waits for this code."),
            "429": answer("A page: too many wrong codes from one network; see `Retry-After`."),
        },
    },
}
