"""Features that an authorization server may lack."""

from __future__ import annotations

from starlette.responses import JSONResponse

from tests.doctor.misconfiguration import (
    FAILURE,
    WARNING,
    Misconfiguration,
    answering,
)
from tests.doctor.pair import Pair


def no_registration(pair: Pair) -> None:
    """Neither way for a client to introduce itself."""
    pair.both_documents(registration_endpoint=None, client_id_metadata_document_supported=None)


SEEDED = (
    Misconfiguration(
        "PKCE is not announced",
        "pkce",
        FAILURE,
        'Support PKCE with S256 (RFC 7636) and list "S256" in code_challenge_methods_supported.',
        lambda pair: pair.both_documents(code_challenge_methods_supported=None),
    ),
    Misconfiguration(
        "only PKCE without a hash is announced",
        "pkce",
        FAILURE,
        'Support PKCE with S256 (RFC 7636) and list "S256" in code_challenge_methods_supported.',
        lambda pair: pair.both_documents(code_challenge_methods_supported=["plain"]),
        also=frozenset({"pkce-plain"}),
    ),
    Misconfiguration(
        "PKCE without a hash is offered",
        "pkce-plain",
        WARNING,
        'Remove "plain" from code_challenge_methods_supported, and refuse it.',
        lambda pair: pair.both_documents(code_challenge_methods_supported=["S256", "plain"]),
    ),
    Misconfiguration(
        "iss is not announced",
        "iss",
        WARNING,
        "Send `iss` in every authorization response and set"
        " authorization_response_iss_parameter_supported to true.",
        lambda pair: pair.both_documents(authorization_response_iss_parameter_supported=None),
    ),
    Misconfiguration(
        "no client can introduce itself",
        "registration",
        FAILURE,
        "Offer dynamic client registration (registration_endpoint, RFC 7591), client ID metadata"
        " documents (client_id_metadata_document_supported), or both.",
        no_registration,
        also=frozenset({"registration-dynamic", "registration-cimd"}),
    ),
    Misconfiguration(
        "there is no dynamic registration",
        "registration-dynamic",
        WARNING,
        "Offer dynamic client registration, and announce it as registration_endpoint.",
        lambda pair: pair.both_documents(registration_endpoint=None),
    ),
    Misconfiguration(
        "client ID metadata documents are not understood",
        "registration-cimd",
        WARNING,
        "Support client ID metadata documents, and set client_id_metadata_document_supported to true.",
        lambda pair: pair.both_documents(client_id_metadata_document_supported=False),
    ),
    Misconfiguration(
        "public clients are not accepted",
        "auth-method-none",
        WARNING,
        'List "none" in token_endpoint_auth_methods_supported, and require PKCE from public clients.',
        lambda pair: pair.both_documents(token_endpoint_auth_methods_supported=["client_secret_post"]),
    ),
    Misconfiguration(
        "the code grant is not offered",
        "grant-code",
        FAILURE,
        'List "authorization_code" in grant_types_supported.',
        lambda pair: pair.both_documents(grant_types_supported=["client_credentials", "refresh_token"]),
    ),
    Misconfiguration(
        "refreshing is not offered",
        "grant-refresh",
        WARNING,
        'List "refresh_token" in grant_types_supported, and issue refresh tokens to clients that'
        " register it.",
        lambda pair: pair.both_documents(grant_types_supported=None),
    ),
    Misconfiguration(
        "a scope of the resource is not known",
        "scopes",
        WARNING,
        "Add the scopes of the resource to the authorization server, or list only scopes that it grants.",
        lambda pair: pair.documents.resource.update(scopes_supported=["tools:admin"]),
    ),
    Misconfiguration(
        "nothing can be revoked",
        "revocation",
        WARNING,
        "Offer token revocation, and announce it as revocation_endpoint.",
        lambda pair: pair.both_documents(revocation_endpoint=None),
    ),
    Misconfiguration(
        "the key set is empty",
        "keys",
        WARNING,
        "Serve a JSON Web Key Set with at least one key at jwks_uri.",
        lambda pair: answering(pair, "auth", "/jwks", JSONResponse({"keys": []})),
    ),
)
