"""Error responses about connected accounts."""

from __future__ import annotations

from collections.abc import Sequence

from resource_service.connected_accounts.answers import ConnectLink
from resource_service.connected_accounts.client import ProviderUnavailableError
from resource_service.connected_accounts.elicitation import person_link
from resource_service.errors import ACCESS_DENIED, Refusal, invalid_token
from resource_service.introspection.client import IntrospectionUnavailableError
from resource_service.person_links import LinkRefusal
from resource_service.reasons import Reason


def not_connected(
    link: ConnectLink, messages: Sequence[object], *, server: str, opens_links: bool
) -> Refusal:
    """Refuse requests that need an account, with the link to connect one.

    Args:
        server: the name of the MCP server.
        messages: the JSON-RPC messages of the request.
        opens_links: whether the client does.
    """
    description = f"No {link.provider} account is connected for the MCP server {server!r}."
    return LinkRefusal(person_link(link, server), description, messages, opens_links=opens_links)


def no_person() -> Refusal:
    """Refuse a client that acts for itself: only people connect accounts."""
    return Refusal(
        Reason.ACCOUNT_OF_NO_PERSON,
        403,
        "access_denied",
        "This MCP server needs the account of a person, and the token is of a client that acts for itself.",
        rpc_code=ACCESS_DENIED,
    )


def token_ended() -> Refusal:
    """Refuse a token that has ended since it was checked."""
    return invalid_token(
        Reason.TOKEN_INACTIVE,
        "The access token is expired, revoked or unknown.",
        detail="it is not active in the question about the connected account",
    )


def credential_refused(detail: str) -> Refusal:
    """The upstream refuses the credential of the person, and no other one is available."""
    description = (
        "The MCP server refuses the credential of the connected account. Disconnect the account and connect "
        "it again."
    )
    return Refusal(Reason.ACCOUNT_CREDENTIAL_REFUSED, 502, "upstream_failed", description, detail=detail)


def account_unknown(error: IntrospectionUnavailableError) -> Refusal:
    """Refuse a request because it is not known which account is connected."""
    if isinstance(error, ProviderUnavailableError):
        description = "The connected account cannot be renewed at the moment; try again."
    else:
        description = "The connected account cannot be looked up at the moment; try again."
    return Refusal(error.reason, 503, "temporarily_unavailable", description, detail=str(error))
