"""Settings of the providers at which people connect accounts, or whose API keys they enter (GW-1)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from auth_service.protocol.upstream_client import MAX_CLIENT_ID
from auth_service.protocol.upstream_metadata import MAX_SCOPE, MAX_SCOPES, MAX_URL
from auth_service.protocol.upstream_providers import (
    UPSTREAM_PRESETS,
    ApiKeyProvider,
    UpstreamDiscovery,
    UpstreamPreset,
    UpstreamProvider,
)
from auth_service.provider_settings import Secret
from shared.scopes import SCOPE_TOKEN
from shared.uris import check_public_url, split_absolute

UpstreamPresetName = Literal["github", "google", "microsoft", "slack", "atlassian", "notion", "linear"]

MAX_SECRET_BYTES = 1_000
_OURS = frozenset(
    {
        *("response_type", "client_id", "redirect_uri", "scope", "state"),
        *("code_challenge", "code_challenge_method", "request", "request_uri", "response_mode"),
    }
)


def _endpoint(url: str) -> str:
    check_public_url(url)
    return url


def _scope(token: str) -> str:
    if not SCOPE_TOKEN.match(token):
        raise ValueError(f"{token!r} is not a scope")
    return token


def _parameters(parameters: dict[str, str]) -> dict[str, str]:
    if reserved := sorted(_OURS & parameters.keys()):
        raise ValueError(f"the authorization server sets {', '.join(reserved)} itself")
    return parameters


Endpoint = Annotated[str, Field(max_length=MAX_URL), AfterValidator(_endpoint)]
Scope = Annotated[str, Field(min_length=1, max_length=MAX_SCOPE), AfterValidator(_scope)]
ClientId = Annotated[str, Field(min_length=1, max_length=MAX_CLIENT_ID)]
Parameter = Annotated[str, Field(min_length=1, max_length=200)]
Parameters = Annotated[dict[Parameter, Parameter], Field(max_length=20), AfterValidator(_parameters)]


class _Client(BaseModel):
    """The secret of a client that the operator has registered.

    Attributes:
        client_secret: the secret itself, or ``env:NAME`` or ``file:/path``.
        client_secret_file: the file with the secret, read at each start.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    client_secret: Secret | None = None
    client_secret_file: str | None = Field(default=None, min_length=1, max_length=1_000)

    @model_validator(mode="after")
    def _has_one_secret(self) -> Self:
        if self.client_secret is not None and self.client_secret_file is not None:
            raise ValueError("client_secret and client_secret_file exclude each other")
        return self

    def check_secret(self) -> None:
        """Check that the file with the secret can be read.

        Raises:
            ValueError: it cannot.
        """
        self._secret()

    def _secret(self) -> str | None:
        if self.client_secret_file is None:
            return self.client_secret.get_secret_value() if self.client_secret else None
        try:
            with Path(self.client_secret_file).open("rb") as file:
                content = file.read(MAX_SECRET_BYTES + 1)
            secret = content.decode().removesuffix("\n").removesuffix("\r")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"the file {self.client_secret_file} cannot be read") from error
        if not secret or len(content) > MAX_SECRET_BYTES:
            raise ValueError(f"the file {self.client_secret_file} must have 1 to {MAX_SECRET_BYTES} bytes")
        return secret


class StaticUpstreamOAuth(_Client):
    """The provider at which people connect an account; its endpoints, or a preset that has them.

    Attributes:
        name: of the provider on pages.
        issuer: what the `iss` of its responses is (RFC 9207); set it only if the provider sends one.
        token_endpoint_auth_method: how the secret is sent, unless the preset says so.
        parameters: additional parameters of the authorization request.
    """

    preset: UpstreamPresetName | None = None
    name: str | None = Field(default=None, min_length=1, max_length=40)
    authorization_endpoint: Endpoint | None = None
    token_endpoint: Endpoint | None = None
    revocation_endpoint: Endpoint | None = None
    issuer: Endpoint | None = None
    client_id: ClientId
    token_endpoint_auth_method: Literal["client_secret_basic", "client_secret_post"] | None = None
    scopes: tuple[Scope, ...] = Field(default=(), max_length=MAX_SCOPES)
    parameters: Parameters = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.preset is None and None in (self.name, self.authorization_endpoint, self.token_endpoint):
            raise ValueError("without a preset, name, authorization_endpoint and token_endpoint are required")
        return self

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The URLs to which this server sends requests."""
        preset = self._preset()
        return (preset.token_endpoint, *filter(None, (preset.revocation_endpoint,)))

    def provider(self, resource: str) -> UpstreamProvider:
        """Return the provider for `resource` as the rules use it.

        Raises:
            ValueError: the file with the secret cannot be read.
        """
        return UpstreamProvider(
            resource=resource,
            preset=self._preset(),
            client_id=self.client_id,
            client_secret=self._secret(),
            scopes=self.scopes,
            sends_iss=self.issuer is not None,
        )

    def _preset(self) -> UpstreamPreset:
        base = UPSTREAM_PRESETS[self.preset] if self.preset else UpstreamPreset(
            name=self.name or "",
            authorization_endpoint=self.authorization_endpoint or "",
            token_endpoint=self.token_endpoint or "",
        )  # fmt: skip
        method = self.token_endpoint_auth_method
        # The other endpoints of a preset belong to its token endpoint.
        moved = self.token_endpoint not in (None, base.token_endpoint)
        return replace(
            base,
            name=self.name or base.name,
            authorization_endpoint=self.authorization_endpoint or base.authorization_endpoint,
            token_endpoint=self.token_endpoint or base.token_endpoint,
            revocation_endpoint=self.revocation_endpoint or (None if moved else base.revocation_endpoint),
            issuers=(self.issuer,) if self.issuer else (() if moved else base.issuers),
            parameters={**base.parameters, **self.parameters},
            basic=base.basic if method is None else method == "client_secret_basic",
        )


class DiscoveredUpstreamOAuth(_Client):
    """The provider of an MCP server with an authorization server of its own: its endpoints are discovered.

    Attributes:
        discover: the URL of the MCP server, as its clients use it.
        name: of the provider on pages; by default the host of the URL.
        issuer: the only authorization server that is used; by default the first that the MCP server names.
        client_id: registered by the operator at the issuer; by default this server registers itself.
        scopes: to request; by default those that the MCP server names.
        parameters: additional parameters of the authorization request.
    """

    discover: Endpoint
    name: str | None = Field(default=None, min_length=1, max_length=40)
    issuer: Endpoint | None = None
    client_id: ClientId | None = None
    scopes: tuple[Scope, ...] = Field(default=(), max_length=MAX_SCOPES)
    parameters: Parameters = Field(default_factory=dict)

    @model_validator(mode="after")
    def _client_has_its_issuer(self) -> Self:
        # Otherwise the MCP server could name another authorization server, which would get the secret.
        if self.client_id is not None and self.issuer is None:
            raise ValueError("client_id requires the issuer at which it is registered")
        if self.client_id is None and (self.client_secret or self.client_secret_file):
            raise ValueError("a client secret requires client_id")
        if "resource" in self.parameters:
            raise ValueError("the authorization server sets resource itself")
        return self

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The configured URLs to which this server sends requests."""
        return (self.discover, *filter(None, (self.issuer,)))

    def provider(self, resource: str) -> UpstreamDiscovery:
        """Return the provider for `resource` as the rules use it.

        Raises:
            ValueError: the file with the secret cannot be read.
        """
        return UpstreamDiscovery(
            resource=resource,
            name=self.name or str(split_absolute(self.discover).hostname)[:40],
            url=self.discover,
            issuer=self.issuer,
            client_id=self.client_id,
            client_secret=self._secret(),
            scopes=self.scopes,
            parameters=self.parameters,
        )


def _form(value: object) -> str:
    discovers = "discover" in value if isinstance(value, dict) else isinstance(value, DiscoveredUpstreamOAuth)
    return "discover" if discovers else "static"


UpstreamOAuth = Annotated[
    Annotated[StaticUpstreamOAuth, Tag("static")] | Annotated[DiscoveredUpstreamOAuth, Tag("discover")],
    Discriminator(_form),
]
"""The provider at which people connect an account."""


class UpstreamApiKey(BaseModel):
    """The service whose API keys people enter. The resource service has the name of the header.

    Attributes:
        name: of the service on pages.
        key_page: where people create a key; a link on the page on which they enter it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=40)
    key_page: Endpoint | None = None

    def provider(self, resource: str) -> ApiKeyProvider:
        """Return the service for `resource` as the rules use it."""
        return ApiKeyProvider(resource=resource, name=self.name, key_page=self.key_page)
