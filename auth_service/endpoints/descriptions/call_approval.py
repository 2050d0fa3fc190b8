"""The OpenAPI description of `/call-approval`."""

from __future__ import annotations

from auth_service.web.route import CLIENT_PARAMETERS, answer, error, form, text

OPERATION = {
    "summary": "Get or use the approval of a call",
    "description": "For a resource server whose policy lets a tool run only after an approval, with the"
    " access token of the call in hand. With `use`, an approval is used for this call and no other one:"
    " run it exactly if the status is `used`. `pending` comes with the link at which the approver decides:"
    ' `{"status": "pending", "approve_url": "…/approve/ID", "elicitation_id": "ID", "expires_in": 600}`.'
    " `approved` is only returned without `use`. `denied` stands until it expires. An approval is for the"
    " grant of the token, its resource, `mount`, `session`, `policy`, `approver` and `call`, all exactly.",
    "tags": ["OAuth"],
    "security": [{"client": []}],
    "requestBody": form(
        {
            "token": text("The access token of the request."),
            "call": text("The parameters of the call that will run, in canonical form (RFC 8785)."),
            "approver": text("`self`, or `group:` with the name of a group."),
            "policy": text("The version of the policy."),
            "session": text("Names the client's session at the resource server; empty if there is none."),
            "mount": text(
                "The path of the MCP server that gets the call, at most 500 characters; it is shown to the"
                " approver. Resource servers of the previous release do not send it."
            ),
            "use": text("`true` to use an approval."),
            **CLIENT_PARAMETERS,
        },
        ("token", "call", "approver"),
        {
            "delete": {
                "token": "dw_at_…",
                "call": '{"arguments":{"number":7},"name":"delete_issue"}',
                "approver": "self",
                "policy": "3f8e6c1b2a9d4e70",
                "mount": "/github",
                "use": "true",
            }
        },
    ),
    "responses": {
        "200": answer("The state of the approval.", {"status": "used", "expires_in": 240}),
        "400": error(
            "The token is not an active access token for a resource of the caller, or the call cannot be"
            " approved.",
            "invalid_token",
            "the token of the call is not active for the caller",
        ),
        "401": error("The caller did not authenticate.", "invalid_client", "the client secret is wrong"),
        "403": error(
            "The caller is a client.",
            "unauthorized_client",
            "only configured resource servers get approvals",
        ),
        "429": error(
            "Too many calls wait for the approver; `Retry-After` says when to try again.",
            "temporarily_unavailable",
            "too many calls wait for an approval",
        ),
        "503": error(
            "The store cannot be reached; the call must not run.",
            "temporarily_unavailable",
            "the store is unavailable",
        ),
    },
}
