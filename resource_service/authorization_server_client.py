"""The HTTP client for the authorization server: the connection pool, and the request id of responses."""

from __future__ import annotations

import httpx2

from shared import http_exchange
from shared.asgi.other_hosts import INTERNAL_AGENT
from shared.asgi.request_id import HEADER as REQUEST_ID
from shared.asgi.request_id import is_request_id
from shared.http_exchange import Answer


def http_client(*, timeout_s: float, max_connections: int) -> httpx2.AsyncClient:
    """Create a connection pool that ignores the proxies of the environment.

    Requests contain credentials and go to one known address.
    """
    return http_exchange.http_client(
        timeout=timeout_s, max_connections=max_connections, user_agent=INTERNAL_AGENT
    )


def request_id_of(answer: Answer) -> str:
    """Return the request id under which the server logged the response; empty if missing or invalid."""
    request_id: str = answer.headers.get(REQUEST_ID, "")
    return request_id if is_request_id(request_id) else ""
