"""All that is between the guard and the authorization server, put together once.

`main` and the verifiers both build it here: what is put into it, a cache say, is then in front of both.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from resource_service.asking import http_client
from resource_service.introspection import Introspect, IntrospectionClient
from resource_service.settings import ResourceSettings
from resource_service.single_flight import SingleFlight

JOIN_FOR_S = 0.25
"""How old the answer about a token may be at most: see `SingleFlight`."""


@dataclass(frozen=True, slots=True)
class IntrospectionChain:
    """What a guard asks about tokens.

    Attributes:
        run: the context that asking needs around it; to be entered once.
    """

    introspect: Introspect
    run: Callable[[], AbstractAsyncContextManager[object]]


def introspection_chain(settings: ResourceSettings) -> IntrospectionChain:
    """The chain to the authorization server of `settings`, with connections of its own."""
    http = http_client(timeout_s=settings.introspection_timeout_s, max_connections=100)
    client = IntrospectionClient(
        http,
        settings.introspection_url,
        settings.resource_server_id,
        settings.resource_secret.get_secret_value(),
        settings.introspection_timeout_s,
    )
    return IntrospectionChain(SingleFlight(client.ask, join_for_s=JOIN_FOR_S), lambda: http)
