"""Logins whose first factor was accepted and that wait for the second, each bound to its browser (ID-5)."""

from __future__ import annotations

import binascii
import json
from dataclasses import asdict, dataclass

from auth_service.crypto.keyring import KeyRing, SealBrokenError
from auth_service.crypto.secrets import digest
from auth_service.storage import keys
from auth_service.users.factors import FactorRepository
from auth_service.users.repository import User, UserRepository
from shared import base64url
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec

LIFETIME_S = 600
_PURPOSE = "second steps"


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstFactor:
    """A first factor that was accepted, and what the login is for.

    Attributes:
        pending_id: the authorization request that waits for the login.
        to: see `pages.login`.
        amr: the methods of the first factor.
        provider_id: the identity provider; None for a password. `provider_issuer` is its issuer,
            `provider_subject` the `sub` of the person and `provider_session` the `sid` of the session there.
        auth_time: when the provider authenticated the person; None if it does not say.
    """

    pending_id: str | None = None
    to: str | None = None
    amr: tuple[str, ...] = ()
    provider_id: str | None = None
    provider_issuer: str | None = None
    provider_subject: str | None = None
    provider_session: str | None = None
    auth_time: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondStep:
    """A login that waits for its second factor, as it is stored.

    Attributes:
        browser: the digest of the secret in the browser that began the login.
        password_mark: changes with the password, which ends the step.
        sealed: the encrypted `FirstFactor`; the id of a pending request is not stored in plain text.
    """

    subject: str
    browser: str
    password_mark: str
    sealed: str


class SecondSteps:
    """The logins in the store that wait for a second factor."""

    def __init__(
        self, store: Store, keyring: KeyRing, users: UserRepository, factors: FactorRepository
    ) -> None:
        self._steps = Collection(store, keys.second_step, JsonCodec(SecondStep), lambda _: LIFETIME_S)
        self._keyring = keyring
        self._users = users
        self._factors = factors

    async def needs(self, user: User) -> bool:
        """Whether logins to the account are incomplete without a second factor."""
        return (await self._factors.of(user.subject)).count > 0

    async def begin(self, step_id: str, browser_secret: str, user: User, first: FirstFactor) -> str:
        """Store the login of `user` under `step_id`, 256 secret bits; return the URL of its page."""
        sealed = base64url.encode(self._keyring.seal(_PURPOSE, json.dumps(asdict(first)).encode()))
        step = SecondStep(
            subject=user.subject,
            browser=digest(browser_secret),
            password_mark=digest(user.password_hash),
            sealed=sealed,
        )
        await self._steps.create(step_id, step)
        return f"second-factor?login={step_id}"

    async def find(self, step_id: str | None, browser_secret: str | None) -> tuple[User, FirstFactor] | None:
        """Return the account and its first factor, if this browser began the login and it is still valid."""
        if not step_id or not browser_secret:
            return None
        step = await self._steps.get(step_id)
        if step is None or step.browser != digest(browser_secret):
            return None
        user, first = await self._users.by_subject(step.subject), self._opened(step)
        if user is None or first is None or user.disabled or digest(user.password_hash) != step.password_mark:
            return None
        return user, first

    def _opened(self, step: SecondStep) -> FirstFactor | None:
        try:
            members = json.loads(self._keyring.open(_PURPOSE, base64url.decode(step.sealed)))
        except (SealBrokenError, binascii.Error, ValueError):
            return None  # the master key that encrypted it was removed
        return FirstFactor(**{**members, "amr": tuple(members["amr"])})
