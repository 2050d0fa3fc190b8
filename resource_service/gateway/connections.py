"""The connections to an upstream that speaks HTTP."""

from __future__ import annotations

from resource_service.targets import HttpTarget
from shared.http1 import Client, Limits, server_of


def upstream_client(
    target: HttpTarget, *, connect_timeout_s: float, silence_s: float, max_connections: int
) -> Client:
    """Return the client for one upstream.

    The duration of a call is unlimited; only silence is limited, since clients can hang up.

    Args:
        connect_timeout_s: to connect, to send a request, and to wait for a free connection.
        silence_s: between two chunks of a response, and before the first.
        max_connections: the maximum number of open connections.
    """
    limits = Limits(connect_s=connect_timeout_s, silence_s=silence_s, connections=max_connections)
    # Certificates from the environment are trusted, but its proxies are not used.
    return Client(server_of(target.url, trust_env=True), limits)
