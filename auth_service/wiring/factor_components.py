"""The components of second factors that several pages share."""

from __future__ import annotations

from auth_service.crypto.passkeys import Challenges, RelyingParty
from auth_service.users.passkey_check import PasskeyCheck
from auth_service.web.second_steps import SecondSteps
from auth_service.wiring.components import Components


def second_steps(parts: Components) -> SecondSteps:
    """Return the logins that wait for their second factor."""
    base, users = parts.base, parts.users
    return SecondSteps(base.store, base.key_ring, users.repository, users.factors)


def passkey_check(parts: Components) -> PasskeyCheck:
    """Return the check of passkeys."""
    base = parts.base
    challenges = Challenges(base.key_ring, base.clock)
    relying_party = RelyingParty(base.settings.issuer, base.settings.site_name)
    return PasskeyCheck(base.store, parts.users.factors, relying_party, challenges)
