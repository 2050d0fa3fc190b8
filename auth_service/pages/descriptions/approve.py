"""The OpenAPI description of `/approve/{approval}`."""

from __future__ import annotations

from collections.abc import Mapping

from auth_service.web.route import Operation, answer, form, text

_APPROVAL = {
    "name": "approval",
    "in": "path",
    "required": True,
    "schema": text("The id of an approval; `/call-approval` returns it as a part of `approve_url`."),
}

OPERATIONS: Mapping[str, Operation] = {
    "GET": {
        "summary": "Approve or deny a call (opened in a browser)",
        "description": "Shows the tool, its arguments, the client and the person that it acts for. Only the"
        " approver that the policy names can use it, logged in.",
        "tags": ["Pages"],
        "parameters": [_APPROVAL],
        "responses": {
            "200": answer("The page; also after the decision."),
            "303": answer("To the login."),
            "400": answer("A page: the approval has expired."),
            "403": answer("A page: somebody else is the approver."),
        },
    },
    "POST": {
        "summary": "Decide a call (posted by the page)",
        "description": "Takes only the form that this browser was shown. The first decision counts.",
        "tags": ["Pages"],
        "parameters": [_APPROVAL],
        "requestBody": form(
            {"csrf": text("From the page."), "decision": text("`approve` or `deny`.")},
            ("csrf", "decision"),
            {},
        ),
        "responses": {
            "200": answer("A page: the decision, also if it was made before."),
            "303": answer("To the login."),
            "400": answer("A page: the form was not shown to this browser, or the approval has expired."),
            "403": answer("A page: somebody else is the approver."),
        },
    },
}
