"""Misconfigurations of the authorization server metadata."""

from __future__ import annotations

from tests.doctor.misconfiguration import (
    FAILURE,
    OPENID_METADATA,
    SERVER_METADATA,
    WARNING,
    Misconfiguration,
    nothing_at,
)
from tests.doctor.pair import Pair


def incomplete_openid(pair: Pair) -> None:
    """OpenID discovery without the members that RFC 8414 does not have."""
    left_out = ("subject_types_supported", "id_token_signing_alg_values_supported")
    pair.documents.openid = {k: v for k, v in pair.documents.server.items() if k not in left_out}


def only_incomplete_openid(pair: Pair) -> None:
    """The same, and nothing at the RFC 8414 place."""
    incomplete_openid(pair)
    nothing_at(pair, "auth", SERVER_METADATA)


def two_token_endpoints(pair: Pair) -> None:
    """OpenID discovery names another token endpoint."""
    pair.documents.openid = {**pair.documents.server, "token_endpoint": f"{pair.issuer}/oidc/token"}


SEEDED = (
    Misconfiguration(
        "there is no authorization server metadata",
        "server-metadata",
        FAILURE,
        "Serve the JSON document of RFC 8414 at /.well-known/oauth-authorization-server, followed by"
        " the path of the issuer if it has one.",
        lambda pair: nothing_at(pair, "auth", SERVER_METADATA, OPENID_METADATA),
    ),
    Misconfiguration(
        "there is nothing at the place of RFC 8414",
        "server-metadata-places",
        WARNING,
        "Also serve the metadata at that URL.",
        lambda pair: nothing_at(pair, "auth", SERVER_METADATA),
    ),
    Misconfiguration(
        "the two documents name different endpoints",
        "server-metadata-equal",
        FAILURE,
        "Use the same values in all documents.",
        two_token_endpoints,
    ),
    Misconfiguration(
        "OpenID discovery lacks what it must have",
        "openid-complete",
        WARNING,
        "Add jwks_uri, subject_types_supported and id_token_signing_alg_values_supported to the OpenID "
        "discovery document, or remove the document.",
        incomplete_openid,
    ),
    Misconfiguration(
        "incomplete OpenID discovery is all there is",
        "openid-complete",
        FAILURE,
        "Add jwks_uri, subject_types_supported and id_token_signing_alg_values_supported to the OpenID "
        "discovery document, or remove the document.",
        only_incomplete_openid,
        also=frozenset({"server-metadata-places"}),
    ),
    Misconfiguration(
        "the issuer has a slash more",
        "issuer",
        FAILURE,
        "Use the same string for `issuer` in the metadata and in `authorization_servers`, including a "
        "trailing slash.",
        lambda pair: pair.both_documents(issuer=f"{pair.issuer}/"),
    ),
    Misconfiguration(
        "the issuer is missing",
        "issuer",
        FAILURE,
        "Use the same string for `issuer` in the metadata and in `authorization_servers`, including a "
        "trailing slash.",
        lambda pair: pair.both_documents(issuer=None),
    ),
    Misconfiguration(
        "there is no token endpoint",
        "server-members",
        FAILURE,
        "Add authorization_endpoint and token_endpoint, as absolute URLs, and response_types_supported "
        'with "code" to the metadata.',
        lambda pair: pair.both_documents(token_endpoint=None),
    ),
)
