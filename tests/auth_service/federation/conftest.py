"""A server with one identity provider, whose rules a module can override."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.auth_service.federation.provider import FakeProvider, FederatedPerson, fake_provider
from tests.auth_service.service import AuthorizationServer, running

_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def shared_provider() -> Iterator[FakeProvider]:
    with fake_provider() as provider:
        yield provider


@pytest.fixture
def provider(shared_provider: FakeProvider) -> FakeProvider:
    """The provider as it is when nothing is wrong, with a person whom nobody has seen before."""
    fresh = FakeProvider()
    for name in (
        "claims",
        "changes",
        "tamper",
        "answers",
        "metadata",
        "requests",
        "codes",
        "offline",
        "refresh_tokens",
    ):
        setattr(shared_provider, name, getattr(fresh, name))
    number = next(_NUMBERS)
    shared_provider.claims = {
        "sub": f"person-{number}",
        "preferred_username": f"person{number}",
        "name": f"Person {number}",
        "email": f"person{number}@corp.example",
        "email_verified": True,
    }
    return shared_provider


@pytest.fixture(scope="module")
def configuration() -> dict[str, Any]:
    """Additional settings of the provider."""
    return {}


@pytest.fixture(scope="module")
def shared_server(
    new_store: Callable[[], str], shared_provider: FakeProvider, configuration: dict[str, Any]
) -> Iterator[AuthorizationServer]:
    providers = [shared_provider.configuration(**configuration)]
    with running(new_store(), identity_providers=providers, fetch_loopback=True) as server:
        shared_provider.clock = server.clock
        yield server


@pytest.fixture
def person(provider: FakeProvider) -> Iterator[FederatedPerson]:
    person = FederatedPerson(provider)
    yield person
    person.close()
