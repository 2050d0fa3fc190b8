"""Validates the authorization request (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1) in two stages.

Errors in the first stage are shown to the user on a page, because no safe redirect target is known yet
(RFC 6749 §4.1.2.1). Errors in the second stage are redirected to the client.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote_plus

from auth_service.protocol import budgets, pkce, redirect_uris
from auth_service.protocol.claims_request import parse_claims
from auth_service.protocol.client import Client
from auth_service.protocol.errors import (
    InvalidRequestError,
    RequestUriNotSupportedError,
    UnauthorizedClientError,
    UnsupportedResponseTypeError,
)
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.protocol.resources import ResourceRegistry
from auth_service.protocol.second_factor import preferred_acr

PROMPTS = frozenset({"none", "login", "consent", "select_account"})
RESPONSE_MODES = ("query", "form_post")
# RFC 7638 §3: the base64url of a SHA-256
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}\Z")


@dataclass(frozen=True, slots=True)
class ResponseTarget:
    """Where an authorization response is sent, once it is known to be safe."""

    redirect_uri: str
    redirect_uri_given: bool
    state: str | None
    response_mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """A valid authorization request.

    Attributes:
        max_age: maximum age of the login in seconds; None for any age.
        dpop_jkt: thumbprint of the key that the code is to be bound to (RFC 9449 §10).
        device: the request comes from a device (RFC 8628) and has no redirect URI.
        subject: the only acceptable user, from `claims` or `id_token_hint`; None for any.
        acr: the only acceptable authentication contexts; empty for any.
        acr_values: the preferred ones of those that this server knows, the first most of all.
        id_token_claims: claims about the person requested for the ID token (OIDC Core §5.5).
        userinfo_claims: the same for userinfo, in addition to those of the scopes.
        pushed: digest of the name of the pushed request (RFC 9126) that this request came from.
    """

    client_id: str
    redirect_uri: str
    redirect_uri_given: bool
    response_mode: str
    scopes: tuple[str, ...]
    state: str | None = None
    resource: str | None = None
    code_challenge: str | None = None
    nonce: str | None = None
    prompts: tuple[str, ...] = ()
    max_age: int | None = None
    login_hint: str | None = None
    ui_locales: str | None = None
    pushed: str | None = None
    dpop_jkt: str | None = None
    device: str | None = None
    subject: str | None = None
    acr: tuple[str, ...] = ()
    acr_values: tuple[str, ...] = ()
    id_token_claims: tuple[str, ...] = ()
    userinfo_claims: tuple[str, ...] = ()


def response_target_of(request: AuthorizationRequest) -> ResponseTarget:
    """Return the response target of a valid request."""
    return ResponseTarget(
        request.redirect_uri, request.redirect_uri_given, request.state, request.response_mode
    )


def response_target(parameters: Parameters, client: Client) -> ResponseTarget:
    """Validate the first stage: determine the response target.

    Raises:
        InvalidRequestError: the redirect URI is missing or not one of the client's.
    """
    requested = parameters.get("redirect_uri")
    if requested is None:
        if len(client.redirect_uris) != 1:
            raise InvalidRequestError(Reason.REDIRECT_URI_MISSING, "redirect_uri is missing")
        requested_or_only = client.redirect_uris[0]
    elif not redirect_uris.matches(requested, client.redirect_uris):
        raise InvalidRequestError(
            Reason.REDIRECT_URI_NOT_REGISTERED, "redirect_uri is not registered for this client"
        )
    else:
        requested_or_only = requested
    _check_usable(requested_or_only)
    mode = parameters.get("response_mode")
    return ResponseTarget(
        requested_or_only,
        requested is not None,
        parameters.get("state"),
        mode if mode in RESPONSE_MODES else "query",
    )


def only_target(parameters: Parameters, client: Client) -> ResponseTarget | None:
    """Return the error target of a request that cannot be read; None if that is ambiguous.

    Only the client's single redirect URI is used, unless the request would have specified its loopback port
    (RFC 8252 §7.3). `state` is the one outside the request object, if any.
    """
    if len(client.redirect_uris) != 1 or not redirect_uris.is_complete(client.redirect_uris[0]):
        return None
    return ResponseTarget(client.redirect_uris[0], False, parameters.get("state"), "query")


def check_response_target(request: AuthorizationRequest, client: Client) -> None:
    """Repeat the check for a pending request: the client may have changed its registration since.

    Raises:
        InvalidRequestError: the redirect URI is no longer one of the client's.
    """
    if request.device:
        return
    if not redirect_uris.matches(request.redirect_uri, client.redirect_uris):
        raise InvalidRequestError(
            Reason.REDIRECT_URI_NO_LONGER_REGISTERED,
            "redirect_uri is no longer registered for this client",
        )
    _check_usable(request.redirect_uri)


def _check_usable(redirect_uri: str) -> None:
    if not redirect_uris.is_usable(redirect_uri):
        raise InvalidRequestError(
            Reason.REDIRECT_URI_UNSAFE, "this server does not redirect to this kind of redirect_uri"
        )


def validate(
    parameters: Parameters,
    client: Client,
    address: ResponseTarget,
    resource_registry: ResourceRegistry,
    *,
    pkce_policy: pkce.PkcePolicy,
) -> AuthorizationRequest:
    """Validate the second stage: what is requested.

    Args:
        pkce_policy: which clients must use PKCE.

    Raises:
        OAuthError: to be sent to the response target.
    """
    _check_supported(parameters, client)
    parameters = _within_bounds(parameters)
    _check_addressed(parameters, address)
    scope = parameters.get("scope") or client.metadata.get("scope")
    resource = resource_registry.resource_for(parameters.resource(), scope, client=client)
    scopes = resource_registry.resolve_scopes(scope, resource, client=client)
    required = (
        client.follows_fapi
        or pkce_policy.requires(  # FAPI 2.0 Security Profile §5.3.2.2: PKCE, always
            confidential=client.confidential,
            openid="openid" in scopes,
            nonce=parameters.get("nonce") is not None,
        )
    )
    claims = parse_claims(parameters.get("claims"))
    return AuthorizationRequest(
        client_id=client.client_id,
        redirect_uri=address.redirect_uri,
        redirect_uri_given=address.redirect_uri_given,
        response_mode=address.response_mode,
        state=address.state,
        scopes=scopes,
        resource=resource.resource if resource else None,
        code_challenge=pkce.check_challenge(
            parameters.get("code_challenge"), parameters.get("code_challenge_method"), required=required
        ),
        nonce=parameters.get("nonce"),
        prompts=_prompts(parameters.get("prompt")),
        max_age=_max_age(parameters.get("max_age")),
        login_hint=parameters.get("login_hint"),
        ui_locales=parameters.get("ui_locales"),
        dpop_jkt=parameters.get("dpop_jkt"),
        subject=claims.subject,
        acr=claims.acr,
        acr_values=preferred_acr(parameters.get("acr_values")),
        id_token_claims=claims.id_token,
        userinfo_claims=claims.userinfo,
    )


def _check_supported(parameters: Parameters, client: Client) -> None:
    if parameters.get("request_uri") is not None:
        # OpenID Connect Core §6.2: announced only for pushed requests, yet it must not be ignored.
        raise RequestUriNotSupportedError(
            Reason.REQUEST_URI_NOT_PUSHED, "request_uri must come from a pushed request"
        )
    if parameters.require("response_type") != "code":
        raise UnsupportedResponseTypeError(Reason.RESPONSE_TYPE_UNSUPPORTED, "response_type must be code")
    if parameters.get("response_mode") not in (None, *RESPONSE_MODES):
        raise InvalidRequestError(
            Reason.RESPONSE_MODE_UNSUPPORTED, "response_mode must be query or form_post"
        )
    if "authorization_code" not in client.grant_types:
        raise UnauthorizedClientError(
            Reason.GRANT_TYPE_NOT_REGISTERED, "this client did not register the authorization_code grant"
        )


def _check_addressed(parameters: Parameters, address: ResponseTarget) -> None:
    # OpenID Connect Core §3.1.2.1 requires it even if the client has only one.
    if not address.redirect_uri_given and "openid" in (parameters.get("scope") or "").split():
        raise InvalidRequestError(
            Reason.REDIRECT_URI_MISSING, "redirect_uri is missing; OpenID Connect requires it"
        )


def _within_bounds(parameters: Parameters) -> Parameters:
    kept = budgets.check_request(parameters)
    if not _THUMBPRINT.match(parameters.get("dpop_jkt") or "A" * 43):
        raise InvalidRequestError(Reason.DPOP_JKT_INVALID, "dpop_jkt is not a JWK thumbprint")
    return kept


def _prompts(prompt: str | None) -> tuple[str, ...]:
    prompts = tuple(dict.fromkeys((prompt or "").split()))
    unknown = set(prompts) - PROMPTS
    if unknown:
        raise InvalidRequestError(
            Reason.PROMPT_INVALID, "prompt must be none, login, consent or select_account"
        )
    if "none" in prompts and len(prompts) > 1:
        raise InvalidRequestError(
            Reason.PROMPT_INVALID, "prompt none cannot be combined with other values"
        )  # OIDC Core §3.1.2.1
    return prompts


def _max_age(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 10:
        raise InvalidRequestError(Reason.MAX_AGE_INVALID, "max_age must be a number of seconds")
    return int(text)


def response_location(redirect_uri: str, members: dict[str, str]) -> str:
    """Build the redirect that carries a response in the query (RFC 6749 §4.1.2), after any existing query."""
    separator = "&" if "?" in redirect_uri else "?"
    if redirect_uri.endswith(("?", "&")):
        separator = ""
    query = "&".join(f"{name}={quote_plus(value)}" for name, value in members.items())
    return f"{redirect_uri}{separator}{query}"
