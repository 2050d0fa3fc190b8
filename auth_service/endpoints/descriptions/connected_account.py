"""The OpenAPI description of `/connected-account`."""

from __future__ import annotations

from auth_service.web.route import CLIENT_PARAMETERS, answer, error, form, text

OPERATION = {
    "summary": "Get the credential of a person for an upstream",
    "description": "For a resource server whose resource has `upstream_oauth` or `upstream_api_key`, with the"
    " access token of the request in hand: the credential of the person's connected account, refreshed if"
    " need be; `api_key` in place of `authorization` if the person has entered a key. If none is"
    " connected, the response is the link by which this person can connect one:"
    ' `{"resource": "https://mcp.example.com/mcp", "status": "not_connected", "provider": "GitHub",'
    ' "connect_url": "…/connect/ID", "elicitation_id": "ID", "expires_in": 600}`.'
    " `resource` is the one whose account it is.",
    "tags": ["OAuth"],
    "security": [{"client": []}],
    "requestBody": form(
        {
            "token": text("The access token of the request."),
            "resource": text(
                "The resource whose account is meant, if it is not that of the token: one that `joins` names"
                " there, and that the token has a scope about."
            ),
            "rejected": text("The `version` of a credential that the upstream rejected."),
            **CLIENT_PARAMETERS,
        },
        ("token",),
        {"access token": {"token": "dw_at_…"}},
    ),
    "responses": {
        "200": answer(
            "The credential, for this moment: keep it in memory only.",
            {
                "resource": "https://mcp.example.com/mcp",
                "status": "connected",
                "authorization": "Bearer …",
                "version": "8sV9hZ4kqTn0wYc1",
                "expires_in": 3_000,
            },
        ),
        "400": error(
            "The token is not an active access token for a resource of the caller, or not about the mount.",
            "invalid_token",
            "the token is not active for the caller",
        ),
        "401": error("The caller did not authenticate.", "invalid_client", "the client secret is wrong"),
        "403": error(
            "The caller is a client.",
            "unauthorized_client",
            "only configured resource servers get credentials",
        ),
        "404": error(
            "The resource has no `upstream_oauth` or `upstream_api_key`, the token has no user, or its"
            " resource does not join the one that is named.",
            "not_configured",
            "nobody connects an account for this token",
        ),
        "429": error(
            "Too many assertions; `Retry-After` says when to try again.",
            "temporarily_unavailable",
            "too many signed proofs; try again later",
        ),
        "503": error(
            "The store or the provider cannot be reached, or another process refreshes the credential for"
            " longer than a request waits; `Retry-After` says when to try again.",
            "temporarily_unavailable",
            "the credential cannot be refreshed at the moment; try again later",
        ),
    },
}
