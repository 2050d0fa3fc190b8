"""The link at which a person connects an account, as clients are told it. Pure."""

from __future__ import annotations

from resource_service.connected_accounts.answers import ConnectLink
from resource_service.person_links import PersonLink, minutes
from resource_service.reasons import Reason

NOT_CONNECTED = -32006
"""From the range that MCP leaves to implementations."""

KIND = "connect"


def person_link(link: ConnectLink, server: str) -> PersonLink:
    """Return the link for a client.

    Args:
        server: the name of the MCP server.
    """
    return PersonLink(
        kind=KIND,
        url=link.url,
        elicitation_id=link.elicitation_id,
        text=(
            f"No {link.provider} account is connected for the MCP server {server!r}. Show this link to the "
            f"user, who logs in there and connects the account; then try again: {link.url} (valid for "
            f"{minutes(link.expires_in)})."
        ),
        message=f"Connect your {link.provider} account, so that {server} can use it for you.",
        reason=Reason.NOT_CONNECTED,
        rpc_code=NOT_CONNECTED,
    )
