"""Whether an error response may be redirected, or the user must press a button first.

Anyone may register a client and make a request that fails. If every error were redirected, this server would
be an open redirector, also to the apps on the user's device (RFC 9700 §4.11.2).
"""

from __future__ import annotations

from collections.abc import Iterable

from auth_service.protocol.client import Client
from auth_service.protocol.interaction import Approval
from auth_service.protocol.redirect_uris import RedirectUriType, matches, redirect_uri_type

_SILENT_REACHES = frozenset({RedirectUriType.WEB, RedirectUriType.LOOPBACK})


def may_redirect_error(
    redirect_uri: str, client: Client, approvals: Iterable[Approval], *, silent: bool
) -> bool:
    """Check whether an error may be redirected to `redirect_uri` without a click on a page of this server.

    Args:
        redirect_uri: one of the client's redirect URIs.
        approvals: earlier approvals of the client by the user at the browser; empty for a stranger.
        silent: whether the request forbids pages (`prompt=none`, OpenID Connect Core §3.1.2.1).
    """
    if client.is_operators:
        return True
    if any(matches(redirect_uri, [approval.redirect_uri]) for approval in approvals):
        return True
    # Without a redirect, a client in a hidden frame would wait forever. An app is never in a hidden frame.
    return silent and redirect_uri_type(redirect_uri) in _SILENT_REACHES
