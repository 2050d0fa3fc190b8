"""Validates client metadata and returns it as registered (RFC 7591 §2, OpenID Connect Registration §2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo

from auth_service.protocol import budgets, redirect_uris
from auth_service.protocol.device import GRANT_TYPE
from auth_service.protocol.errors import InvalidClientMetadataError, InvalidRedirectUriError, OAuthError
from auth_service.protocol.reasons import Reason
from auth_service.protocol.subjects import sector_of
from auth_service.protocol.web_addresses import split_web_url
from shared.public_keys import MAX_EXPONENT_BITS, MODULUS_BITS, is_too_large
from shared.scopes import parse_scope
from shared.uris import Network

AUTH_METHODS = ("none", "client_secret_basic", "client_secret_post", "private_key_jwt")
SIGNING_ALGORITHMS = ("RS256", "PS256", "ES256")
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
USER_GRANTS = ("authorization_code", "refresh_token", GRANT_TYPE)
MAX_REDIRECT_URIS = 20
# RFC 7591 §2.2: these may be repeated in other languages as NAME#TAG.
HUMAN_READABLE = ("client_name", "client_uri", "logo_uri", "tos_uri", "policy_uri")


def _web_url(url: str) -> str:
    split_web_url(url)
    return url


def _registrable(uri: str, info: ValidationInfo) -> str:
    redirect_uris.check_registrable(uri, info.context or ())
    return uri


def _checked_scope(scope: str) -> str:
    parse_scope(scope)
    return scope


WebUrl = Annotated[str, Field(max_length=2_000), AfterValidator(_web_url)]
Text = Annotated[str, Field(max_length=1_000)]
RedirectUri = Annotated[str, AfterValidator(_registrable)]


class ClientMetadata(BaseModel):
    """The metadata that a client may register. Unknown members are dropped and do not cause an error."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    redirect_uris: list[RedirectUri] | None = Field(
        None,
        max_length=MAX_REDIRECT_URIS,
        description="Where codes may be sent, compared as exact strings; on loopback any port is accepted.",
    )
    token_endpoint_auth_method: str = Field(
        "client_secret_basic",
        description="`none` for a public client; `client_secret_basic`, `client_secret_post` or"
        " `private_key_jwt` for one that authenticates.",
    )
    grant_types: list[Text] = Field(
        ["authorization_code"], max_length=50, description="Those not known here are dropped."
    )
    response_types: list[Text] = Field(["code"], max_length=50)
    client_name: Annotated[str, Field(max_length=200)] | None = Field(
        None, description="Shown on the consent page, marked as unverified."
    )
    client_uri: WebUrl | None = None
    logo_uri: WebUrl | None = None
    tos_uri: WebUrl | None = None
    policy_uri: WebUrl | None = None
    scope: Annotated[str, Field(max_length=4_000), AfterValidator(_checked_scope)] | None = Field(
        None, description="Space-separated; what the client means to ask for."
    )
    contacts: list[Text] | None = Field(None, max_length=20)
    software_id: Text | None = None
    software_version: Text | None = None
    jwks: dict[str, Any] | None = Field(None, description="The client's public keys, for `private_key_jwt`.")
    jwks_uri: WebUrl | None = Field(
        None, description="Where the client publishes its keys, instead of `jwks`."
    )
    token_endpoint_auth_signing_alg: Literal["RS256", "PS256", "ES256"] | None = None
    post_logout_redirect_uris: list[RedirectUri] | None = Field(
        None, max_length=MAX_REDIRECT_URIS, description="Where a person may be sent after logout."
    )
    backchannel_logout_uri: WebUrl | None = Field(None, description="Where to tell the client of a logout.")
    backchannel_logout_session_required: bool | None = None
    dpop_bound_access_tokens: bool | None = None
    require_pushed_authorization_requests: bool | None = None
    require_signed_request_object: bool | None = None
    request_object_signing_alg: Literal["RS256", "PS256", "ES256"] | None = None
    id_token_signed_response_alg: Literal["RS256", "ES256"] | None = None
    userinfo_signed_response_alg: Literal["RS256", "ES256"] | None = Field(
        None, description="Userinfo as a signed JWT; left out, as JSON."
    )
    subject_type: Literal["public", "pairwise"] | None = Field(
        None, description="`pairwise`: the client knows people by subjects that no other sector knows."
    )
    sector_identifier_uri: WebUrl | None = Field(
        None,
        description="Leads to a JSON list that holds all of `redirect_uris`; clients with lists on one host"
        " are one sector.",
    )
    software_statement: Annotated[str, Field(max_length=16_000)] | None = Field(
        None, description="A JWT by which an issuer that is trusted here vouches for the software."
    )
    application_type: Text | None = Field(None, description="Echoed; never a reason to refuse.")

    def registered(self, grant_types: tuple[str, ...]) -> dict[str, Any]:
        """Return the metadata to store and echo, for a server that offers `grant_types`.

        Raises:
            OAuthError: the members contradict each other.
        """
        if self.token_endpoint_auth_method not in AUTH_METHODS:
            raise InvalidClientMetadataError(
                Reason.CLIENT_METADATA_INVALID,
                f"token_endpoint_auth_method must be one of {', '.join(AUTH_METHODS)}",
            )
        _check_keys(self)
        kept = [grant for grant in dict.fromkeys(self.grant_types) if grant in grant_types]
        if "authorization_code" in kept and not self.redirect_uris:
            raise InvalidRedirectUriError(
                Reason.REDIRECT_URI_INVALID,
                "redirect_uris is missing; authorization_code requires at least one",
            )
        if self.token_endpoint_auth_method == "none" and "client_credentials" in kept:  # noqa: S105
            raise InvalidClientMetadataError(
                Reason.CLIENT_NOT_CONFIDENTIAL, "client_credentials requires a client that can authenticate"
            )
        members = self.model_dump(exclude_none=True)
        sector_of(members)  # raises without a sector
        return {**members, "grant_types": kept, "response_types": _response_types(kept)}


def _check_keys(metadata: ClientMetadata) -> None:
    # RFC 7591 §2: jwks_uri and jwks must not both be present.
    if metadata.jwks is not None and metadata.jwks_uri is not None:
        raise InvalidClientMetadataError(
            Reason.CLIENT_METADATA_INVALID, "jwks and jwks_uri cannot be used together"
        )
    if metadata.jwks is not None:
        _check_jwks(metadata.jwks)
    if metadata.token_endpoint_auth_method == "private_key_jwt" and not (metadata.jwks or metadata.jwks_uri):  # noqa: S105
        raise InvalidClientMetadataError(
            Reason.CLIENT_METADATA_INVALID, "private_key_jwt requires jwks or jwks_uri"
        )


def _check_jwks(jwks: dict[str, Any]) -> None:
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys) or len(keys) > 20:
        raise InvalidClientMetadataError(Reason.CLIENT_METADATA_INVALID, "jwks must be a JWK Set")
    if any(not _PRIVATE_MEMBERS.isdisjoint(key) for key in keys):
        raise InvalidClientMetadataError(Reason.CLIENT_METADATA_INVALID, "jwks must contain only public keys")
    if any(map(is_too_large, keys)):
        raise InvalidClientMetadataError(
            Reason.CLIENT_METADATA_INVALID,
            f"jwks contains an RSA key of more than {MODULUS_BITS.stop - 1} bits,"
            f" or with an exponent of more than {MAX_EXPONENT_BITS}",
        )


def _response_types(grant_types: list[str]) -> list[str]:
    # RFC 7591 §2.1: the response type code requires the authorization_code grant. Clients that request one
    # without the other (as device flows do) get a matching pair.
    return ["code"] if "authorization_code" in grant_types else []


def parse_metadata(
    body: object, http_networks: Sequence[Network] = ()
) -> tuple[ClientMetadata, dict[str, str]]:
    """Parse the JSON of a registration request.

    Null and empty members count as omitted, as intended by the clients that send them.

    Args:
        http_networks: private networks on whose addresses the operator allows plain http.

    Returns:
        the metadata, and the human-readable members in other languages (RFC 7591 §2.2).

    Raises:
        InvalidRedirectUriError: a redirect URI cannot be registered.
        InvalidClientMetadataError: anything else violates RFC 7591 §2.
    """
    if not isinstance(body, dict):
        raise InvalidClientMetadataError(Reason.BODY_MALFORMED, "the body must be a JSON object")
    members = {
        name: value
        for name, value in body.items()
        if value not in (None, "", []) and not _is_embedded_logo(name, value)
    }
    try:
        metadata = ClientMetadata.model_validate(members, context=http_networks)
        translated = {
            name: _translation(name, value) for name, value in members.items() if _is_translation(name)
        }
    except ValidationError as error:
        raise _refusal(error) from error
    budgets.check_client({**metadata.model_dump(exclude_none=True), **translated})
    return metadata, translated


def _is_embedded_logo(name: str, value: object) -> bool:
    # Some clients send the logo itself. It is never shown here, so it is not an error.
    return name.partition("#")[0] == "logo_uri" and isinstance(value, str) and value[:5].lower() == "data:"


def _is_translation(name: str) -> bool:
    base, separator, tag = name.partition("#")
    return bool(separator) and base in HUMAN_READABLE and 0 < len(tag) <= 35


def _translation(name: str, value: object) -> str:
    base = name.partition("#")[0]
    return str(getattr(ClientMetadata.model_validate({base: value}), base))


def _refusal(error: ValidationError) -> OAuthError:
    first = error.errors(include_url=False, include_input=False)[0]
    member = str(first["loc"][0]) if first["loc"] else "metadata"
    description = f"{member}: {first['msg'].removeprefix('Value error, ')}"
    if member == "redirect_uris":
        return InvalidRedirectUriError(Reason.REDIRECT_URI_INVALID, description)
    return InvalidClientMetadataError(Reason.CLIENT_METADATA_INVALID, description)
