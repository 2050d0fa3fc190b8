"""When an error response may leave by redirect, and when a person has to press a button first.

Anybody may register a client and make a request that fails. If every error were redirected, this server would
be an open redirector, also to the apps on a person's device (RFC 9700 §4.11.2).
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
    """Whether an error goes to `redirect_uri` although nobody pressed a button on a page of this server.

    Args:
        redirect_uri: one of the client's.
        approvals: what the person at the browser approved for the client before; empty for a stranger.
        silent: whether the request may show no page (`prompt=none`, OpenID Connect Core §3.1.2.1).
    """
    if client.is_operators:
        return True
    if any(matches(redirect_uri, [approval.redirect_uri]) for approval in approvals):
        return True
    # Without a page a client in a hidden frame would wait for ever; what opens an app is no hidden frame.
    return silent and redirect_uri_type(redirect_uri) in _SILENT_REACHES
