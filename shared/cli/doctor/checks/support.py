"""The announced features of the authorization server, compared with what MCP clients use."""

from __future__ import annotations

from shared.cli.doctor.documents import document_of, list_member
from shared.cli.doctor.evidence import Evidence
from shared.cli.doctor.text import listed, quoted
from shared.cli.doctor.verdict import Status, Verdict, check, ok, problem, skipped

ABSENT = "there is no authorization server metadata"


@check(
    "pkce",
    "PKCE with S256 is announced",
    meaning="MCP 2025-11-25: a client must not continue if code_challenge_methods_supported is missing or "
    "lacks S256.",
    fix='Support PKCE with S256 (RFC 7636) and list "S256" in code_challenge_methods_supported.',
)
def pkce(evidence: Evidence) -> Verdict:
    if evidence.server_document is None:
        return skipped(ABSENT)
    methods = evidence.server_list("code_challenge_methods_supported")
    if methods is None:
        return problem("code_challenge_methods_supported is missing")
    return ok() if "S256" in methods else problem(f"only {listed(methods) or 'nothing'} is listed")


@check(
    "pkce-plain",
    "PKCE without a hash is not offered",
    meaning=("OAuth 2.1 §7.6: with `plain`, anyone who reads the authorization request can redeem the code."),
    fix='Remove "plain" from code_challenge_methods_supported, and refuse it.',
    weight=Status.WARNING,
)
def pkce_plain(evidence: Evidence) -> Verdict:
    if evidence.server_document is None:
        return skipped(ABSENT)
    methods = evidence.server_list("code_challenge_methods_supported") or []
    return problem('"plain" is listed') if "plain" in methods else ok()


@check(
    "iss",
    "`iss` in authorization responses is announced",
    meaning="RFC 9207: `iss` tells a client which of several servers sent a response. Without it, Gemini "
    "CLI fails, and ChatGPT uses a redirect URI for each connector.",
    fix="Send `iss` in every authorization response and set"
    " authorization_response_iss_parameter_supported to true.",
    weight=Status.WARNING,
)
def iss(evidence: Evidence) -> Verdict:
    if evidence.server_document is None:
        return skipped(ABSENT)
    announced = evidence.server_document.get("authorization_response_iss_parameter_supported")
    return (
        ok() if announced is True else problem("authorization_response_iss_parameter_supported is not true")
    )


def _dynamic(evidence: Evidence) -> bool:
    return evidence.server_url("registration_endpoint") is not None


def _cimd(evidence: Evidence) -> bool:
    return (evidence.server_document or {}).get("client_id_metadata_document_supported") is True


@check(
    "registration",
    "Clients can register or use a metadata document",
    meaning="Without dynamic registration or client ID metadata documents, every user has to get a client "
    "id from you and configure it.",
    fix="Offer dynamic client registration (registration_endpoint, RFC 7591), client ID metadata"
    " documents (client_id_metadata_document_supported), or both.",
)
def registration(evidence: Evidence) -> Verdict:
    if evidence.server_document is None:
        return skipped(ABSENT)
    ways = {"dynamic registration": _dynamic(evidence), "client ID metadata documents": _cimd(evidence)}
    offered = [way for way, there in ways.items() if there]
    return ok(" and ".join(offered)) if offered else problem("neither is offered")


@check(
    "registration-dynamic",
    "Dynamic client registration is offered",
    meaning="RFC 7591. Cursor, Gemini CLI, mcp-remote, the Inspector and the TypeScript SDK support only "
    "this.",
    fix="Offer dynamic client registration, and announce it as registration_endpoint.",
    weight=Status.WARNING,
)
def registration_dynamic(evidence: Evidence) -> Verdict:
    if evidence.server_document is None:
        return skipped(ABSENT)
    return ok() if _dynamic(evidence) else problem("there is no registration_endpoint")


@check(
    "registration-cimd",
    "Client ID metadata documents are supported",
    meaning="MCP 2026-07-28 prefers them: the vendor's URL identifies the client, and connections leave "
    "no registrations in your store.",
    fix="Support client ID metadata documents, and set client_id_metadata_document_supported to true.",
    weight=Status.WARNING,
)
def registration_cimd(evidence: Evidence) -> Verdict:
    if evidence.server_document is None:
        return skipped(ABSENT)
    return ok() if _cimd(evidence) else problem("client_id_metadata_document_supported is not true")


@check(
    "auth-method-none",
    "Public clients are accepted at the token endpoint",
    meaning="Claude and most native apps have no secret. If public clients are not accepted, Claude does "
    "not use client ID metadata documents either.",
    fix='List "none" in token_endpoint_auth_methods_supported, and require PKCE from public clients.',
    weight=Status.WARNING,
)
def auth_method_none(evidence: Evidence) -> Verdict:
    if evidence.server_document is None:
        return skipped(ABSENT)
    methods = evidence.server_list("token_endpoint_auth_methods_supported")
    if methods is None:
        return problem(
            "token_endpoint_auth_methods_supported is missing, which means client_secret_basic only"
        )
    return (
        ok(listed(methods))
        if "none" in methods
        else problem(f"only {listed(methods) or 'nothing'} is listed")
    )


@check(
    "grant-code",
    "The authorization_code grant is offered",
    meaning="MCP clients use this grant to act for users.",
    fix='List "authorization_code" in grant_types_supported.',
)
def grant_code(evidence: Evidence) -> Verdict:
    if evidence.server_document is None:
        return skipped(ABSENT)
    grants = evidence.server_list("grant_types_supported")
    # RFC 8414 §2: left out, it means authorization_code and implicit.
    if grants is None or "authorization_code" in grants:
        return ok()
    return problem(f"only {listed(grants) or 'nothing'} is listed")


@check(
    "grant-refresh",
    "The refresh_token grant is offered",
    meaning="Without refresh tokens, users must log in again whenever an access token expires.",
    fix='List "refresh_token" in grant_types_supported, and issue refresh tokens to clients that register'
    " it.",
    weight=Status.WARNING,
)
def grant_refresh(evidence: Evidence) -> Verdict:
    if evidence.server_document is None:
        return skipped(ABSENT)
    grants = evidence.server_list("grant_types_supported")
    if grants is None:
        return problem("grant_types_supported is missing, which means authorization_code and implicit")
    return ok() if "refresh_token" in grants else problem(f"only {listed(grants) or 'nothing'} is listed")


@check(
    "scopes",
    "The authorization server supports every scope of the resource",
    meaning="Clients request the scopes that the resource lists. The authorization server refuses an "
    "unknown scope with invalid_scope, or ignores it.",
    fix="Add the scopes of the resource to the authorization server, or list only scopes that it grants.",
    weight=Status.WARNING,
)
def scopes(evidence: Evidence) -> Verdict:
    supported = evidence.server_list("scopes_supported")
    challenged = (evidence.challenge.parameters.get("scope") or "").split() if evidence.challenge else []
    wanted = [*(list_member(evidence.resource_document, "scopes_supported") or []), *challenged]
    if supported is None or not wanted:
        return skipped("one of the two lists no scopes")
    unknown = [scope for scope in dict.fromkeys(wanted) if scope not in supported]
    return problem(f"it does not list {listed(unknown)}") if unknown else ok()


@check(
    "revocation",
    "Tokens can be revoked",
    meaning=(
        "RFC 7009. ChatGPT and other clients revoke tokens when a user disconnects. Without "
        "revocation, the tokens stay valid."
    ),
    fix="Offer token revocation, and announce it as revocation_endpoint.",
    weight=Status.WARNING,
)
def revocation(evidence: Evidence) -> Verdict:
    if evidence.server_document is None:
        return skipped(ABSENT)
    url = evidence.server_url("revocation_endpoint")
    return ok(quoted(url)) if url else problem("there is no revocation_endpoint")


@check(
    "keys",
    "The published keys can be read",
    meaning="Clients that request openid verify the ID token with these keys.",
    fix="Serve a JSON Web Key Set with at least one key at jwks_uri.",
    weight=Status.WARNING,
)
def keys(evidence: Evidence) -> Verdict:
    exchange = evidence.keys
    if exchange is None:
        return skipped("no jwks_uri is announced")
    document = document_of(exchange)
    there = (document or {}).get("keys")
    if isinstance(there, list) and there:
        return ok(f"{len(there)} keys")
    return problem(f"{quoted(exchange.url)} contains no keys")


CHECKS = (
    pkce,
    pkce_plain,
    iss,
    registration,
    registration_dynamic,
    registration_cimd,
    auth_method_none,
    grant_code,
    grant_refresh,
    scopes,
    revocation,
    keys,
)
