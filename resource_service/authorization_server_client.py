"""Talking to the authorization server: a pool of connections, and the id of its answers."""

from __future__ import annotations

import httpx2

from shared import http_exchange
from shared.asgi.other_hosts import INTERNAL_AGENT
from shared.asgi.request_id import HEADER as REQUEST_ID
from shared.asgi.request_id import is_request_id
from shared.http_exchange import Answer


def http_client(*, timeout_s: float, max_connections: int) -> httpx2.AsyncClient:
    """A connection pool of our own.

    The environment's proxies are left out: what is sent holds credentials, and goes to one known address.
    """
    return http_exchange.http_client(
        timeout=timeout_s, max_connections=max_connections, user_agent=INTERNAL_AGENT
    )


def request_id_of(answer: Answer) -> str:
    """The id under which its log explains the answer; empty where it says none that could be one."""
    request_id: str = answer.headers.get(REQUEST_ID, "")
    return request_id if is_request_id(request_id) else ""
