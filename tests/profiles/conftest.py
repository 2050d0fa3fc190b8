"""A deployment for all profiles on each store backend, and the sites of those who publish documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from auth_service.fetching import Fetcher
from tests.certificates import Authority
from tests.profiles.credentials import Signer
from tests.profiles.deployment import Deployment
from tests.profiles.publishers import published


@pytest.fixture(scope="session")
def signer() -> Signer:
    """The key of the clients that sign."""
    return Signer()


@pytest.fixture(scope="session")
def new_fetcher(authority: Authority, signer: Signer) -> Iterator[Callable[[], Fetcher]]:
    """Makes fetchers that find the documents in the profiles."""
    with published(authority, signer) as new:
        yield new


@pytest.fixture(scope="module")
def shared_deployment(
    new_store: Callable[[], str],
    new_fetcher: Callable[[], Fetcher],
    signer: Signer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Deployment]:
    """Both services, healthy, that the tests of a module share."""
    deployment = Deployment(new_store, new_fetcher, signer, tmp_path_factory.mktemp("profiles"))
    with deployment.up():
        yield deployment


@pytest.fixture
def deployment(shared_deployment: Deployment) -> Iterator[Deployment]:
    """The services; no test may make the authorization server answer 5xx."""
    yield shared_deployment
    failures = shared_deployment.server.failures[:]
    shared_deployment.server.failures.clear()
    assert failures == []
