"""A stranger's site under a name of its own, and a fetcher that finds it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from auth_service.fetching import Fetcher, Limits
from tests.certificates import Authority
from tests.sites import HERE, HOST, Names, Site, site


@pytest.fixture
def stranger(authority: Authority) -> Iterator[Site]:
    """A site that may call itself `HOST`."""
    with site(authority.certifying(HOST)) as running:
        yield running


@pytest.fixture
def names() -> Names:
    return Names({HOST: [HERE]})


@pytest.fixture
def fetcher(authority: Authority, names: Names) -> Iterator[Fetcher]:
    """A fetcher that trusts the authority, and may connect to this machine, where all sites are."""
    fetcher = Fetcher(
        loopback=True, limits=Limits(total_s=10), ssl_context=authority.trusting(), resolve=names
    )
    yield fetcher
    fetcher.close()
