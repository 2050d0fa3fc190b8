"""All that is between the guard and the authorization server, put together once.

`main` and the verifiers both build it here: what is put into it, a cache say, is then in front of both.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from resource_service.asking import http_client
from resource_service.introspection import Introspect, IntrospectionClient
from resource_service.issuer_keys import JWKS_PATH, IssuerKeys
from resource_service.settings import ResourceSettings
from resource_service.signed_answers import SignedAnswers
from resource_service.single_flight import SingleFlight
from shared.clock import Clock, steady_clock, system_clock

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


def introspection_chain(settings: ResourceSettings, clock: Clock = system_clock) -> IntrospectionChain:
    """The chain to the authorization server of `settings`, with connections of its own."""
    http = http_client(timeout_s=settings.introspection_timeout_s, max_connections=100)
    keys = IssuerKeys(
        http,
        f"{settings.authorization_server_url}{JWKS_PATH}",
        timeout_s=settings.introspection_timeout_s,
        steady_clock=steady_clock,
    )
    signed = SignedAnswers(keys, settings.issuer, settings.resource_server_id, clock)
    client = IntrospectionClient(
        http,
        settings.introspection_url,
        settings.resource_server_id,
        settings.resource_secret.get_secret_value(),
        settings.introspection_timeout_s,
        signed if settings.signed_introspection else None,
    )
    return IntrospectionChain(SingleFlight(client.ask, join_for_s=JOIN_FOR_S), lambda: http)
