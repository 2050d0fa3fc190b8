"""Providers of connected accounts as data: their configuration, and the peculiarities of well-known ones.

A provider either speaks OAuth, or issues API keys that people enter here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamPreset:
    """The endpoints and peculiarities of one provider, from its public documentation.

    Attributes:
        revocation_endpoint: an endpoint of RFC 7009; None if the provider has none.
        revocation_ends_all: whether a revocation also ends the tokens of the person's later connections.
        issuers: what the `iss` of a response may be (RFC 9207); not every provider sends one.
        offline_scopes: always requested, because the provider issues a refresh token for them.
        parameters: additional parameters of the authorization request.
        headers: additional headers of requests to the token endpoint.
        basic: whether the client secret is sent in the header (RFC 6749 §2.3.1); otherwise in the body.
        json: whether requests to the token endpoint are JSON; otherwise they are forms.
        scope_separator: between scopes in the authorization request.
    """

    name: str
    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str | None = None
    revocation_ends_all: bool = False
    issuers: tuple[str, ...] = ()
    offline_scopes: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    basic: bool = True
    json: bool = False
    scope_separator: str = " "


UPSTREAM_PRESETS: Mapping[str, UpstreamPreset] = {
    # https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps. Tokens are deleted
    # there by a request that is not one of RFC 7009.
    "github": UpstreamPreset(
        name="GitHub",
        authorization_endpoint="https://github.com/login/oauth/authorize",
        token_endpoint="https://github.com/login/oauth/access_token",  # noqa: S106 -- a URL
        issuers=("https://github.com/login/oauth", "https://github.com"),
        basic=False,
    ),
    # https://developers.google.com/identity/protocols/oauth2/web-server: without `prompt=consent`, only the
    # first authorization ever yields a refresh token. A revocation ends what the person has allowed the
    # application, whichever token it names.
    "google": UpstreamPreset(
        name="Google",
        authorization_endpoint="https://accounts.google.com/o/oauth2/v2/auth",
        token_endpoint="https://oauth2.googleapis.com/token",  # noqa: S106 -- a URL
        revocation_endpoint="https://oauth2.googleapis.com/revoke",
        revocation_ends_all=True,
        issuers=("https://accounts.google.com",),
        parameters={"access_type": "offline", "prompt": "consent"},
        basic=False,
    ),
    # https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
    "microsoft": UpstreamPreset(
        name="Microsoft",
        authorization_endpoint="https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
        token_endpoint="https://login.microsoftonline.com/common/oauth2/v2.0/token",  # noqa: S106 -- a URL
        offline_scopes=("offline_access",),
        parameters={"prompt": "select_account"},
        basic=False,
    ),
    # https://docs.slack.dev/reference/methods/oauth.v2.user.access: tokens of people, not of bots.
    "slack": UpstreamPreset(
        name="Slack",
        authorization_endpoint="https://slack.com/oauth/v2_user/authorize",
        token_endpoint="https://slack.com/api/oauth.v2.user.access",  # noqa: S106 -- a URL
        scope_separator=",",
    ),
    # https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps: refresh tokens rotate.
    "atlassian": UpstreamPreset(
        name="Atlassian",
        authorization_endpoint="https://auth.atlassian.com/authorize",
        token_endpoint="https://auth.atlassian.com/oauth/token",  # noqa: S106 -- a URL
        offline_scopes=("offline_access",),
        parameters={"audience": "api.atlassian.com", "prompt": "consent"},
        basic=False,
        json=True,
    ),
    # https://developers.notion.com/docs/authorization: no scopes; refresh tokens rotate.
    "notion": UpstreamPreset(
        name="Notion",
        authorization_endpoint="https://api.notion.com/v1/oauth/authorize",
        token_endpoint="https://api.notion.com/v1/oauth/token",  # noqa: S106 -- a URL
        revocation_endpoint="https://api.notion.com/v1/oauth/revoke",
        parameters={"owner": "user"},
        headers={"Notion-Version": "2025-09-03"},
        json=True,
    ),
    # https://linear.app/developers/oauth-2-0-authentication
    "linear": UpstreamPreset(
        name="Linear",
        authorization_endpoint="https://linear.app/oauth/authorize",
        token_endpoint="https://api.linear.app/oauth/token",  # noqa: S106 -- a URL
        revocation_endpoint="https://api.linear.app/oauth/revoke",
        parameters={"prompt": "consent"},
        scope_separator=",",
        basic=False,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamProvider:
    """The provider at which people connect an account for one resource.

    Attributes:
        resource: the URL of the resource whose requests get the credential.
        sends_iss: whether its responses must have an `iss` (RFC 9207 §2.4).
        upstream: the `resource` of its requests (RFC 8707 §2); None if they have none. A discovered provider
            has one.

    The other attributes are those of `UpstreamPreset`.
    """

    resource: str
    preset: UpstreamPreset
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    scopes: tuple[str, ...] = ()
    sends_iss: bool = False
    upstream: str | None = None

    @property
    def name(self) -> str:
        """The name of the provider on pages."""
        return self.preset.name

    @property
    def requested_scopes(self) -> tuple[str, ...]:
        """The scopes of an authorization request."""
        return tuple(dict.fromkeys((*self.scopes, *self.preset.offline_scopes)))

    @property
    def identity(self) -> str:
        """Changes if another provider or client is configured: tokens of the earlier one are of no use."""
        # The issuer vouches for the endpoints of a discovered provider, which may move.
        place = self.preset.token_endpoint if self.upstream is None else " ".join(self.preset.issuers)
        return " ".join((place, self.client_id, *filter(None, (self.upstream,))))

    @property
    def resource_indicator(self) -> dict[str, str]:
        """The parameter `resource` of each request (RFC 8707 §2), if there is one."""
        return {} if self.upstream is None else {"resource": self.upstream}

    def accepts_iss(self, iss: str | None) -> bool:
        """Check the `iss` of a response, which may be an error (RFC 9207 §2.4)."""
        if iss is None:
            return not self.sends_iss
        return not self.preset.issuers or iss in self.preset.issuers

    def authorization_parameters(self, redirect_uri: str, state: str, challenge: str) -> dict[str, str]:
        """Return the parameters of an authorization request with PKCE (RFC 7636 §4.3)."""
        scopes = self.preset.scope_separator.join(self.requested_scopes)
        return {
            **self.preset.parameters,
            **self.resource_indicator,
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": redirect_uri,
            **({"scope": scopes} if scopes else {}),
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }

    def authorization_url(self, redirect_uri: str, state: str, challenge: str) -> str:
        """Return the URL of an authorization request; see `authorization_parameters`."""
        endpoint = self.preset.authorization_endpoint
        parameters = self.authorization_parameters(redirect_uri, state, challenge)
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(parameters)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamDiscovery:
    """A provider that is discovered from the upstream, an MCP server with an authorization server of its own.

    Attributes:
        resource: the URL of the resource whose requests get the credential.
        name: of the provider on pages.
        url: of the MCP server.
        issuer: the only authorization server that is used; None for the first one that the MCP server names.
        client_id: of the client that the operator has registered at `issuer`; None to use our own metadata
            document, or to register.
        scopes: to request; those that the MCP server names if there are none.
    """

    resource: str
    name: str
    url: str
    issuer: str | None = None
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    scopes: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyProvider:
    """The service whose API keys people enter for one resource.

    Attributes:
        resource: the URL of the resource whose requests get the key.
        key_page: where the person creates a key; None if it is not configured.
    """

    resource: str
    name: str
    key_page: str | None = None

    @property
    def identity(self) -> str:
        """Changes if another service is configured, which must not get the keys of the earlier one."""
        return f"API key of {self.name}"


AccountProvider = UpstreamProvider | ApiKeyProvider
ConfiguredProvider = AccountProvider | UpstreamDiscovery
"""A provider as the settings have it."""
