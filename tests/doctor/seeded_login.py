"""Misconfigurations of registration and login."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.doctor.misconfiguration import (
    FAILURE,
    WARNING,
    Misconfiguration,
    answering,
    changing,
)
from tests.doctor.pair import Pair

ABSENT = "ABSENT"


def registration_is_closed(pair: Pair) -> None:
    """Nobody may register."""
    answering(pair, "auth", "/register", JSONResponse({"error": "access_denied"}, 403), "POST")


def scope_left_out(_request: Request, response: Response) -> None:
    """A 403 that does not say which scope it wants."""
    if response.status_code == 403:
        response.headers["WWW-Authenticate"] = 'Bearer error="insufficient_scope"'


SEEDED = (
    Misconfiguration(
        "registration is closed",
        "register",
        FAILURE,
        "Answer a registration with 201 and the client information. If registration is restricted, give "
        "the doctor a registered client with --client-id.",
        registration_is_closed,
        login=True,
    ),
    Misconfiguration(
        "a registration is answered with 200",
        "register",
        WARNING,
        "Answer a registration with 201 and the client information. If registration is restricted, give "
        "the doctor a registered client with --client-id.",
        lambda pair: setattr(pair.responses, "registration_status", 200),
        login=True,
    ),
    Misconfiguration(
        "the redirect URIs do not come back",
        "register-echo",
        FAILURE,
        "Return all registered metadata in the registration response, with unchanged redirect URIs.",
        lambda pair: pair.responses.registration_members.update(redirect_uris=ABSENT),
        login=True,
    ),
    Misconfiguration(
        "the redirect URIs come back changed",
        "register-echo",
        FAILURE,
        "Return all registered metadata in the registration response, with unchanged redirect URIs.",
        lambda pair: pair.responses.registration_members.update(redirect_uris=["http://127.0.0.1/callback"]),
        login=True,
    ),
    Misconfiguration(
        "a method with a secret comes without the secret",
        "register-method",
        FAILURE,
        "Register clients with token_endpoint_auth_method none, or with client_secret_basic or"
        " client_secret_post and a client_secret.",
        lambda pair: pair.responses.registration_members.update(
            token_endpoint_auth_method="client_secret_basic"
        ),
        login=True,
    ),
    Misconfiguration(
        "a method is chosen that the client does not have",
        "register-method",
        FAILURE,
        "Register clients with token_endpoint_auth_method none, or with client_secret_basic or"
        " client_secret_post and a client_secret.",
        lambda pair: pair.responses.registration_members.update(token_endpoint_auth_method="tls_client_auth"),
        login=True,
    ),
    Misconfiguration(
        "a secret comes without its expiry",
        "register-method",
        WARNING,
        "Register clients with token_endpoint_auth_method none, or with client_secret_basic or"
        " client_secret_post and a client_secret.",
        lambda pair: pair.responses.registration_members.update(client_secret="s3cret"),
        login=True,
    ),
    Misconfiguration(
        "the registration holds a null",
        "register-nulls",
        FAILURE,
        "Omit members without a value from the registration response.",
        lambda pair: pair.responses.registration_members.update(logo_uri=None),
        login=True,
    ),
    Misconfiguration(
        "the registration holds an empty URL",
        "register-nulls",
        FAILURE,
        "Omit members without a value from the registration response.",
        lambda pair: pair.responses.registration_members.update(client_uri=""),
        login=True,
    ),
    Misconfiguration(
        "private-use schemes are refused",
        "register-profile",
        FAILURE,
        "Accept https redirect URIs, http on loopback hosts, and private-use schemes.",
        lambda pair: setattr(pair.rules, "redirect_schemes", ("http", "https")),
        login=True,
        profile="cursor",
    ),
    Misconfiguration(
        "a loopback redirect must keep its port",
        "loopback-port",
        WARNING,
        "Ignore the port when comparing redirect URIs on 127.0.0.1, [::1] and localhost.",
        lambda pair: setattr(pair.rules, "any_port", False),
        login=True,
    ),
    Misconfiguration(
        "a resource is known in one spelling only",
        "resource-spelling",
        WARNING,
        "Ignore a trailing slash, and the case of scheme and host, when comparing `resource`.",
        lambda pair: setattr(pair.rules, "any_spelling", False),
        login=True,
    ),
    Misconfiguration(
        "the login is refused",
        "authorize",
        FAILURE,
        "See the error page and the log of the authorization server.",
        lambda pair: pair.responses.answer_members.update(code=None, error="access_denied"),
        login=True,
    ),
    Misconfiguration(
        "the state is lost",
        "state",
        FAILURE,
        "Return `state` in every authorization response, byte for byte.",
        lambda pair: pair.responses.answer_members.update(state=None),
        login=True,
    ),
    Misconfiguration(
        "iss is another one",
        "iss-answer",
        FAILURE,
        "Send `iss` in every authorization response, exactly equal to `issuer` in the metadata.",
        lambda pair: pair.responses.answer_members.update(iss=f"{pair.issuer}/"),
        login=True,
    ),
    Misconfiguration(
        "iss is announced and missing",
        "iss-answer",
        FAILURE,
        "Send `iss` in every authorization response, exactly equal to `issuer` in the metadata.",
        lambda pair: pair.responses.answer_members.update(iss=None),
        login=True,
    ),
    Misconfiguration(
        "the token is of another type",
        "token",
        FAILURE,
        'Answer a valid code with 200 and JSON that contains access_token and token_type "Bearer".',
        lambda pair: pair.responses.token_members.update(token_type="mac"),
        login=True,
    ),
    Misconfiguration(
        "the token response holds a null",
        "token-nulls",
        FAILURE,
        "Omit members without a value (refresh_token, scope) from the token response.",
        lambda pair: pair.responses.token_members.update(id_token=None),
        login=True,
    ),
    Misconfiguration(
        "the token may be cached",
        "token-no-store",
        WARNING,
        "Send Cache-Control: no-store with every token response.",
        lambda pair: pair.responses.token_headers.clear(),
        login=True,
    ),
    Misconfiguration(
        "the expiry is a string",
        "token-expiry",
        WARNING,
        "Add expires_in, in seconds, to the token response.",
        lambda pair: pair.responses.token_members.update(expires_in="600"),
        login=True,
    ),
    Misconfiguration(
        "more is granted than was asked for",
        "token-scope",
        WARNING,
        "Grant only requested scopes, and return `scope` if it differs from the request.",
        lambda pair: pair.responses.token_members.update(scope="tools:read admin"),
        login=True,
    ),
    Misconfiguration(
        "there is no refresh token",
        "refresh-token",
        WARNING,
        "Issue a refresh token to clients that register the refresh_token grant or are granted"
        " offline_access.",
        lambda pair: pair.responses.token_members.update(refresh_token=ABSENT),
        login=True,
    ),
    Misconfiguration(
        "the MCP server does not take the tokens",
        "initialize",
        FAILURE,
        "Configure the MCP server to accept tokens of this issuer with its `resource` as audience, and "
        "see its log for the reason.",
        lambda pair: setattr(pair.mcp, "accepts_tokens", False),
        login=True,
    ),
    Misconfiguration(
        "tools cannot be listed",
        "tools",
        FAILURE,
        "See the log of the MCP server for the error in tools/list.",
        lambda pair: setattr(pair.mcp, "lists_tools", False),
        login=True,
    ),
    Misconfiguration(
        "a refusal does not say which scope",
        "step-up-challenge",
        FAILURE,
        'Answer with 403 and a Bearer challenge that contains error="insufficient_scope", scope="…" with '
        "all scopes that the request requires, and resource_metadata.",
        lambda pair: changing(pair, "/mcp", scope_left_out),
        login=True,
        tool="write",
    ),
    Misconfiguration(
        "the scope asked for is not granted",
        "step-up",
        FAILURE,
        "Configure the authorization server to grant every scope that the MCP server requires, and name "
        "all required scopes in the challenge.",
        lambda pair: setattr(pair.rules, "grants_more", False),
        login=True,
        tool="write",
    ),
    Misconfiguration(
        "refreshing is refused",
        "refresh",
        FAILURE,
        "Issue an access token for the same resource and scopes in the refresh_token grant.",
        lambda pair: setattr(pair.rules, "refreshes", False),
        login=True,
    ),
    Misconfiguration(
        "refresh tokens stay the same",
        "refresh-rotation",
        WARNING,
        "Rotate the refresh tokens of public clients.",
        lambda pair: setattr(pair.rules, "rotates", False),
        login=True,
    ),
    Misconfiguration(
        "a repeated refresh logs the user out",
        "refresh-replay",
        WARNING,
        "Accept the previous refresh token for some seconds after its use.",
        lambda pair: setattr(pair.rules, "forgives_replay", False),
        login=True,
    ),
    Misconfiguration(
        "revoking fails",
        "revoke",
        WARNING,
        "Answer with 200 when a client revokes its own token.",
        lambda pair: answering(pair, "auth", "/revoke", Response(status_code=503)),
        login=True,
    ),
    Misconfiguration(
        "revoking changes nothing",
        "revoke-effective",
        WARNING,
        (
            "Introspect tokens in the MCP server (RFC 7662), or issue access tokens with a very short "
            "lifetime."
        ),
        lambda pair: setattr(pair.rules, "revokes", False),
        login=True,
    ),
    Misconfiguration(
        "a dead refresh token is told invalid_request",
        "dead-refresh",
        WARNING,
        "Answer a revoked or expired refresh token with 400 and the error invalid_grant in JSON.",
        lambda pair: setattr(pair.rules, "dead_refresh_error", "invalid_request"),
        login=True,
    ),
)
