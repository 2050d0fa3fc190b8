"""Providers that are trusted to link people by an e-mail address, beside others that are not (ID-2)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth_service.accounts.lifecycle import AccountLifecycle
from auth_service.federation.accounts import FederatedAccounts, How
from auth_service.federation.identities import IdentityRepository
from auth_service.protocol.federated_identity import FederatedIdentity
from auth_service.protocol.identity_providers import PRESETS, AllowList, IdentityProvider
from shared.clock import system_clock
from shared.storage.interface import Store

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ID-2", "SEC-16")]

TRUSTED = IdentityProvider(
    provider_id="trusted",
    preset=PRESETS["openid"],
    issuer="https://trusted.example",
    client_id="doorward",
    label="Trusted",
    scopes=("openid",),
    allow=AllowList(everyone=True),
    links_email=True,
)
OTHER = replace(TRUSTED, provider_id="other", issuer="https://other.example", links_email=False)


def person_at(provider: IdentityProvider) -> FederatedIdentity:
    """Return the identity of somebody who has the same address at every provider."""
    name = f"at-{provider.provider_id}"
    return FederatedIdentity(
        issuer=provider.issuer, subject=name, names=(name,), email="ada.of.several@corp.example"
    )


def accounts_in(store: Store) -> FederatedAccounts:
    users = AccountLifecycle.of_store(store, system_clock).users
    return FederatedAccounts(users=users, identities=IdentityRepository(store, system_clock))


@pytest.mark.parametrize(
    ("first", "how"), [(OTHER, How.CREATED), (replace(OTHER, links_email=True), How.LINKED)]
)
async def test_only_a_provider_trusted_to_link_says_whose_an_address_is(
    store: Store, first: IdentityProvider, how: How
) -> None:
    accounts = accounts_in(store)
    planted, _ = await accounts.account_of(person_at(first), first)
    user, outcome = await accounts.account_of(person_at(TRUSTED), TRUSTED)
    assert (outcome, user.subject == planted.subject) == (how, how is How.LINKED)
