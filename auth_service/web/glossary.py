"""Descriptions of the members of JSON bodies, and the schema of a response by its example."""

from __future__ import annotations

from typing import Any

from auth_service.web.admin_glossary import ADMIN_WORDS

WORDS = {
    # Errors (RFC 6749 §5.2)
    "error": "The error code, for programs.",
    "error_description": "The cause, for developers.",
    "reason_code": "A stable code of the cause, listed in `docs/reference/why.md`.",
    "request_id": "Identifies the request in the server's log.",
    # Tokens (RFC 6749 §5.1)
    "access_token": "For the `Authorization` header of requests to the resource.",
    "token_type": "`Bearer` or `DPoP`.",
    "expires_in": "Lifetime in seconds.",
    "scope": "The granted scopes, separated by spaces; may be fewer than requested.",
    "refresh_token": "Exchanged for the next access token and the next refresh token.",
    "id_token": "The ID token (OpenID Connect Core §2).",
    "device_code": "The code with which the device polls the token endpoint.",
    "user_code": "The code that the user types on the page at `verification_uri`.",
    "verification_uri": "The page to show to the person, with the code.",
    "verification_uri_complete": "The page with the code filled in, for a QR code.",
    "interval": "Minimum number of seconds between polls of the token endpoint.",
    "request_uri": "Names the request at `/authorize`, once.",
    # Connected accounts
    "authorization": "The value of the `Authorization` header for the upstream.",
    "version": "Names the credential: send it as `rejected` if the upstream rejects it.",
    "doorward_disconnected": "Credentials that must no longer be used: `sub`, `resource`, `version`.",
    # Introspection (RFC 7662 §2.2), UserInfo (OpenID Connect Core §5.1)
    "active": "Whether the token is valid for the caller; if false, the response has no other members.",
    "username": "The username.",
    "preferred_username": "The username; requires the scope `profile`.",
    "name": "The full name, if set; requires the scope `profile`.",
    "groups": "The groups of the person, named as in access rules; requires the scope `groups`.",
    "sub": "The subject: the user, by an id that never changes.",
    "aud": "The resource that the token is for.",
    "iss": "The issuer.",
    "exp": "Expiry, in seconds since 1970.",
    "iat": "When it was issued, in seconds since 1970.",
    # Clients (RFC 7591 §3.2.1, RFC 7592 §3)
    "client_id": "The id of the client; not a secret.",
    "client_id_issued_at": "Seconds since 1970.",
    "client_secret": "Only for clients that authenticate with it; only shown once.",
    "client_secret_expires_at": "0: the secret does not expire.",
    "registration_client_uri": "URL at which the client manages its registration.",
    "registration_access_token": "The bearer token for that URL; only in this response.",
    "client_name": "As registered.",
    "redirect_uris": "As registered, byte for byte.",
    "grant_types": "The registered grant types that this server offers.",
    "response_types": "The response types of the grant types.",
    "token_endpoint_auth_method": "How the client authenticates.",
    "client_uri": "The home page of the client.",
    "logo_uri": "Stored and returned; no page of this server loads it.",
    "tos_uri": "The client's terms of service.",
    "policy_uri": "The privacy policy of the client.",
    "contacts": "Contacts of the people responsible for the client.",
    "software_id": "The id of the software; the same for all its installations.",
    "software_version": "The version of the software.",
    "token_endpoint_auth_signing_alg": "The algorithm of the client's assertions; by default, any supported.",
    "dpop_bound_access_tokens": "Whether every token is bound to a key (RFC 9449).",
    "require_pushed_authorization_requests": "Whether the client must push its requests (RFC 9126).",
    "require_signed_request_object": "Whether unsigned authorization requests are refused (RFC 9101).",
    "request_object_signing_alg": "The algorithm of the client's request objects.",
    "backchannel_logout_session_required": "Whether a logout token must name the session.",
    "id_token_signed_response_alg": "The algorithm of the client's ID tokens; `RS256` by default.",
    # Security events (RFC 8936 §2.3)
    "sets": "`jti` to Security Event Token, the oldest event first.",
    "through": "The number of the last entry of the chain that is stored.",
    "moreAvailable": "Whether more events are available.",
    "doorward_stops": "The tools, mounts, clients and people that the operator has stopped.",
    # Pinned definitions
    "doorward_definitions": "The version of what administrators have approved; empty for nothing.",
    "process": "Names the process of the resource server.",
    "pinned": "How many definitions of each kind are pinned, with the first names.",
    "held": "Definitions that are new or differ from what is approved.",
    "all_held": "The ids of everything that the process reports as held, also in other requests.",
    "approved": "What administrators have approved.",
    "definition": "`tools`, `prompts`, `resourceTemplates` or `instructions`.",
    "difference": "`new` or `changed`.",
    "base": "The digest of what the resource server has pinned by itself; null if nothing of this name.",
    "digest": "The SHA-256 of the canonical form (RFC 8785) of the definition, in base64url.",
    "changes": "What differs from what is approved; null if it is too long.",
    "parts": "Texts that stay (`=`), were removed (`-`) or added (`+`).",
    "software": "The names of the client's software, as it registered: `software_id` and name.",
    # Other members
    "keys": "Public keys (RFC 7517 §5), including upcoming and previous signing keys.",
    "status": "`ok`; for a connected account `connected` or `not_connected`.",
    **ADMIN_WORDS,
}


def schema_of(example: object) -> dict[str, Any]:
    """Return the JSON Schema of `example`, with the members described that `WORDS` contains."""
    if isinstance(example, dict):
        return {"type": "object", "properties": {name: _member(name, example[name]) for name in example}}
    if isinstance(example, list):
        return {"type": "array", "items": schema_of(example[0]) if example else {}}
    # bool comes first: in Python it is a subclass of int.
    types: dict[type, str] = {bool: "boolean", int: "integer", str: "string"}
    return {"type": types[type(example)]}


def _member(name: str, value: object) -> dict[str, Any]:
    described = {"description": WORDS[name]} if name in WORDS else {}
    return {**schema_of(value), **described}
