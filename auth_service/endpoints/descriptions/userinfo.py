"""The OpenAPI description of `/userinfo`."""

from __future__ import annotations

from auth_service.web.route import answer, error


def operation(method: str) -> dict[str, object]:
    """Return the operation of GET or POST."""
    return {
        "summary": "Claims about the user",
        "description": "OpenID Connect Core §5.3. Requires an access token with the scope `openid`."
        " A client that registered `userinfo_signed_response_alg` receives a signed JWT.",
        "operationId": f"userinfo_{method}",
        "tags": ["OpenID"],
        "security": [{"oauth": ["openid"]}],
        "responses": {
            "200": answer(
                "Claims about the user.",
                {"sub": "…", "preferred_username": "wesen", "name": "Wesen Doe", "groups": ["ops"]},
            ),
            "401": error("The access token is not valid.", "invalid_token", "the access token is not valid"),
            "403": error(
                "The scope `openid` was not granted.",
                "insufficient_scope",
                "the scope openid was not granted",
            ),
        },
    }
