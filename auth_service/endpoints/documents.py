"""The public documents: server metadata (RFC 8414), OpenID discovery, and the JWK Set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from auth_service.crypto.signing_keys import SigningKeys
from auth_service.endpoints.descriptions.documents import JWKS, described, described_client
from auth_service.protocol.key_rotation import JWKS_MAX_AGE_S
from auth_service.protocol.upstream_client import DOCUMENT_PATH, client_document
from auth_service.web.http import answers_errors
from auth_service.web.public_documents import PublicDocument
from auth_service.web.route import Endpoint
from shared.asgi import CorsPolicy
from shared.well_known import AUTHORIZATION_SERVER, OPENID_CONFIGURATION

_PUBLIC = CorsPolicy(("GET", "HEAD"))
_METHODS = ("GET", "HEAD")


def metadata_endpoints(metadata: Mapping[str, Any]) -> list[Endpoint]:
    """Serve the metadata at every well-known URL where clients look for it (AS-2)."""

    document = PublicDocument(metadata, max_age_s=JWKS_MAX_AGE_S)

    async def serve(request: Request) -> Response:
        return document.response(request.scope)

    path = urlsplit(metadata["issuer"]).path
    roots = (AUTHORIZATION_SERVER, OPENID_CONFIGURATION)
    places = [*roots, *(f"{root}{path}" for root in roots if path)]
    return [
        Endpoint(
            path=place,
            handler=serve,
            methods=_METHODS,
            operations={"GET": described(metadata)},
            cors=_PUBLIC,
            direct=True,
            immediate=lambda scope, _: document.response(scope),
        )
        for place in places
    ]


def client_metadata_endpoint(issuer: str, site_name: str) -> Endpoint:
    """Serve our client ID metadata document, for the authorization servers of upstreams (GW-1)."""
    metadata = client_document(issuer, site_name)
    document = PublicDocument(metadata, max_age_s=JWKS_MAX_AGE_S)

    async def serve(request: Request) -> Response:
        return document.response(request.scope)

    return Endpoint(
        path=DOCUMENT_PATH,
        handler=serve,
        methods=_METHODS,
        operations={"GET": described_client(metadata)},
        cors=_PUBLIC,
    )


def jwks_endpoint(signing_keys: SigningKeys) -> Endpoint:
    """Serve the public halves of the signing keys (RFC 7517 §5)."""

    document = PublicDocument({}, max_age_s=JWKS_MAX_AGE_S)

    def response(jwks: Mapping[str, Any], scope: Scope) -> Response:
        nonlocal document
        if document.members != jwks:
            document = PublicDocument(jwks, max_age_s=JWKS_MAX_AGE_S)
        return document.response(scope)

    async def serve(request: Request) -> Response:
        return response(await signing_keys.jwks(), request.scope)

    def immediate(scope: Scope, _: bytes) -> Response | None:
        jwks = signing_keys.loaded_jwks()
        return None if jwks is None else response(jwks, scope)

    return Endpoint(
        path="/jwks",
        handler=answers_errors(serve),
        methods=_METHODS,
        operations={"GET": JWKS},
        cors=_PUBLIC,
        direct=True,
        immediate=immediate,
    )
