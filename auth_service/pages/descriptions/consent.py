"""The OpenAPI description of `/consent`."""

from __future__ import annotations

from collections.abc import Mapping

from auth_service.web.forms import PENDING
from auth_service.web.route import Operation, answer, form, text

OPERATIONS: Mapping[str, Operation] = {
    "GET": {
        "summary": "The consent page (opened in a browser)",
        "description": "Shows the client and the requested scopes; a form with the buttons"
        " `decision` = `allow` and `deny`.",
        "tags": ["Pages"],
        "parameters": [PENDING],
        "responses": {
            "200": answer("The page."),
            "303": answer("Back to the login, where nobody is logged in."),
            "400": answer("A page: the request is over, or another browser began it."),
        },
    },
    "POST": {
        "summary": "Decide (posted by the consent page)",
        "description": "Takes only the form that this browser was shown. It can take scopes away from the"
        " request, and changes nothing else about it.",
        "tags": ["Pages"],
        "requestBody": form(
            {
                "csrf": text("From the page."),
                "pending": text("From the page."),
                "decision": text("The button.", enum=["allow", "deny"]),
                "ticks": text("Sent where the scopes have tick boxes."),
                "scope.0": text("The first scope is ticked; the others follow, counted on."),
            },
            ("csrf", "pending", "decision"),
            {},
        ),
        "responses": {
            "303": answer("On to the authorization request, which answers the client."),
            "400": answer("A page: the request is over, or the form was not shown to this browser."),
            "409": answer("The page again: somebody else is logged in by now."),
        },
    },
}
