"""Settings of the providers at which people connect accounts, or whose API keys they enter (GW-1)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from auth_service.protocol.upstream_providers import (
    UPSTREAM_PRESETS,
    ApiKeyProvider,
    UpstreamPreset,
    UpstreamProvider,
)
from auth_service.provider_settings import Secret
from shared.scopes import SCOPE_TOKEN
from shared.uris import check_public_url

UpstreamPresetName = Literal["github", "google", "microsoft", "slack", "atlassian", "notion", "linear"]

MAX_SCOPES = 50
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


Endpoint = Annotated[str, Field(max_length=1_000), AfterValidator(_endpoint)]
Scope = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_scope)]
Parameter = Annotated[str, Field(min_length=1, max_length=200)]


class UpstreamOAuth(BaseModel):
    """The provider at which people connect an account; its endpoints, or a preset that has them.

    Attributes:
        name: of the provider on pages.
        issuer: what the `iss` of its responses is (RFC 9207); set it only if the provider sends one.
        client_secret: the secret itself, or ``env:NAME`` or ``file:/path``.
        client_secret_file: the file with the secret, read at each start.
        token_endpoint_auth_method: how the secret is sent, unless the preset says so.
        parameters: additional parameters of the authorization request.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    preset: UpstreamPresetName | None = None
    name: str | None = Field(default=None, min_length=1, max_length=40)
    authorization_endpoint: Endpoint | None = None
    token_endpoint: Endpoint | None = None
    revocation_endpoint: Endpoint | None = None
    issuer: Endpoint | None = None
    client_id: str = Field(min_length=1, max_length=500)
    client_secret: Secret | None = None
    client_secret_file: str | None = Field(default=None, min_length=1, max_length=1_000)
    token_endpoint_auth_method: Literal["client_secret_basic", "client_secret_post"] | None = None
    scopes: tuple[Scope, ...] = Field(default=(), max_length=MAX_SCOPES)
    parameters: Annotated[dict[Parameter, Parameter], AfterValidator(_parameters)] = Field(
        default_factory=dict, max_length=20
    )

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.preset is None and None in (self.name, self.authorization_endpoint, self.token_endpoint):
            raise ValueError("without a preset, name, authorization_endpoint and token_endpoint are required")
        if self.client_secret is not None and self.client_secret_file is not None:
            raise ValueError("client_secret and client_secret_file exclude each other")
        return self

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The URLs to which this server sends requests."""
        preset = self._preset()
        return (preset.token_endpoint, *filter(None, (preset.revocation_endpoint,)))

    def check_secret(self) -> None:
        """Check that the file with the secret can be read.

        Raises:
            ValueError: it cannot.
        """
        self._secret()

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
