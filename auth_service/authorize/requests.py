"""Authorization requests that are not in the query: signed (RFC 9101) or pushed (RFC 9126)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from auth_service.clients.keys import ClientKeys
from auth_service.crypto.secrets import digest, new_secret
from auth_service.protocol import request_object
from auth_service.protocol.budgets import known_parameters
from auth_service.protocol.client import Client
from auth_service.protocol.errors import (
    InvalidClientError,
    InvalidRequestError,
    InvalidRequestObjectError,
    InvalidRequestUriError,
)
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.storage import keys
from shared.clock import Clock
from shared.jose import ASYMMETRIC, InvalidJwsError, UnverifiedJws, parse
from shared.signatures import Signatures
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec

URN = "urn:ietf:params:oauth:request_uri:"
PUSHED_TTL_S = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedRequest:
    """A pushed request: its parameters, validated when they were pushed.

    Attributes:
        expires_at: when the request can no longer be opened, in seconds since 1970.
        opened: whether a browser has opened it; it then lives as long as that browser's pending request.
    """

    client_id: str
    values: dict[str, str]
    resources: tuple[str, ...]
    expires_at: int | None = None
    opened: bool = False


class AuthorizationRequests:
    """Resolves the effective parameters of a request."""

    def __init__(
        self,
        *,
        store: Store,
        client_keys: ClientKeys,
        signatures: Signatures,
        issuer: str,
        clock: Clock,
        pending_ttl_s: int,
    ) -> None:
        def lifetime(pushed: PushedRequest) -> int:
            return max(pending_ttl_s, PUSHED_TTL_S) if pushed.opened else PUSHED_TTL_S

        self._pushed = Collection(store, keys.pushed, JsonCodec(PushedRequest), lifetime)
        self._client_keys = client_keys
        self._signatures = signatures
        self._issuer = issuer
        self._clock = clock

    async def push(self, client: Client, parameters: Parameters) -> str:
        """Store validated parameters; return their `request_uri` (RFC 9126 §2.2)."""
        name, kept = new_secret(), known_parameters(parameters)
        expires_at = int(self._clock()) + PUSHED_TTL_S
        pushed = PushedRequest(
            client_id=client.client_id, values=kept.values, resources=kept.resources, expires_at=expires_at
        )
        await self._pushed.create(digest(name), pushed)
        return URN + name

    def name_of(self, parameters: Parameters) -> str | None:
        """Return the digest of the name of the pushed request in `parameters`, if any."""
        request_uri = parameters.get("request_uri") or ""
        return _name(request_uri) if request_uri.startswith(URN) else None

    async def note_opened(self, pushed: str | None) -> None:
        """Extend the life of a pushed request to that of any other pending request (RFC 9126 §4)."""
        if pushed is not None:
            await self._pushed.update(pushed, lambda kept: (replace(kept, opened=True), None))

    async def finish(self, pushed: str | None) -> bool:
        """Use up a pushed request (RFC 9126 §7.3); return True to the one caller that may answer it.

        The request is used up by the response, not by being opened: programs fetch URLs ahead of people.
        """
        return pushed is None or await self._pushed.delete(pushed)

    async def resolve(self, parameters: Parameters, client: Client) -> Parameters:
        """Return the parameters of a request, which may name a pushed request or contain a signed one.

        Raises:
            OAuthError: the pushed or signed request is not valid, or a required one is missing.
        """
        request_uri, signed = parameters.get("request_uri"), parameters.get("request")
        if request_uri is not None and signed is not None:
            raise InvalidRequestError(
                Reason.REQUEST_AND_REQUEST_URI, "request and request_uri cannot be used together"
            )  # RFC 9101 §5
        if request_uri is not None and request_uri.startswith(URN):
            return await self._look_up(request_uri, client)
        if client.metadata.get("require_pushed_authorization_requests"):
            raise InvalidRequestError(
                Reason.PUSHED_REQUEST_REQUIRED, "this client must push its authorization requests"
            )
        return await self.unwrap(parameters, client)

    async def unwrap(self, parameters: Parameters, client: Client) -> Parameters:
        """Return the parameters of the signed request object, if any; they replace all others.

        Raises:
            InvalidRequestObjectError: the signature or a claim is wrong.
            InvalidRequestError: the client must sign its requests, and this one is not signed.
        """
        signed = parameters.get("request")
        if signed is not None:
            return await self._verified(signed, client)
        if client.metadata.get("require_signed_request_object"):
            raise InvalidRequestError(
                Reason.SIGNED_REQUEST_REQUIRED, "this client must sign its authorization requests"
            )
        return parameters

    async def _look_up(self, request_uri: str, client: Client) -> Parameters:
        pushed = await self._pushed.get(_name(request_uri))
        if pushed is None or pushed.client_id != client.client_id or self._is_over(pushed):
            raise InvalidRequestUriError(
                Reason.REQUEST_URI_INVALID, "request_uri is unknown, expired or already used"
            )
        return Parameters(pushed.values, pushed.resources)

    def _is_over(self, pushed: PushedRequest) -> bool:
        return pushed.expires_at is not None and self._clock() >= pushed.expires_at

    async def _verified(self, signed: str, client: Client) -> Parameters:
        try:
            token = parse(signed)
            # Cheap to check, so they come before the signature.
            always_signs = bool(client.metadata.get("require_signed_request_object"))
            request_object.check_claims(
                token.unverified_claims, client.client_id, self._issuer, self._clock(), dated=always_signs
            )
            await self._check_signature(token, client)
        except InvalidJwsError as error:
            raise InvalidRequestObjectError(
                Reason.REQUEST_OBJECT_INVALID, f"the request object cannot be verified: {error}"
            ) from error
        except InvalidClientError as error:
            raise InvalidRequestObjectError(
                error.reason,
                f"the request object cannot be verified: {error.description}",
                detail=error.detail,
            ) from error
        return request_object.parameters_in(token.unverified_claims, client.client_id)

    async def _check_signature(self, token: UnverifiedJws, client: Client) -> None:
        alg = client.metadata.get("request_object_signing_alg")
        await self._signatures.verify_signature(
            token,
            await self._client_keys.keys_of(client, token.header.get("kid")),
            algorithms=(alg,) if alg else ASYMMETRIC,
            types=request_object.TYPES,
            source=client.client_id,
        )


def _name(request_uri: str) -> str:
    return digest(request_uri.removeprefix(URN))
