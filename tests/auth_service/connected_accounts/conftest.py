"""A server with one resource for which people connect accounts at a provider on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.auth_service.connected_accounts.connecting import Connecting
from tests.auth_service.connected_accounts.upstream import Upstream, resource_server, running_upstream
from tests.auth_service.service import (
    OTHER_RESOURCE_SERVER,
    AuthorizationServer,
    nobodys,
    running,
)


@pytest.fixture(scope="module")
def shared_upstream() -> Iterator[Upstream]:
    with running_upstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def shared_server(new_store: Callable[[], str], shared_upstream: Upstream) -> Iterator[AuthorizationServer]:
    servers = [resource_server(shared_upstream), OTHER_RESOURCE_SERVER]
    with running(new_store(), resource_servers=servers, fetch_loopback=True) as server:
        yield server


@pytest.fixture
def upstream(shared_upstream: Upstream) -> Upstream:
    """The provider as it is when nothing is wrong."""
    fresh = Upstream()
    for name in ("expires_in", "offline", "latency_s", "answers", "requests", "tokens", "codes", "current"):
        setattr(shared_upstream, name, getattr(fresh, name))
    return shared_upstream


@pytest.fixture
def connecting(server: AuthorizationServer, upstream: Upstream) -> Iterator[Connecting]:
    """Somebody whom no other test has, with a client."""
    person = server.add_user(nobodys("ada"), "a password of ada")
    yield Connecting(server, upstream, person)
    person.close()
