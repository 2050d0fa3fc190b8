"""Checks assertions of passkeys, used as second factor or as the only one."""

from __future__ import annotations

from dataclasses import dataclass

from auth_service.crypto.passkeys import Challenges, NewCredential, PasskeyError, RelyingParty, parse_response
from auth_service.protocol.factors import Assertion, accept_assertion
from auth_service.storage import keys
from auth_service.users.factors import FactorRepository
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec

LOGIN = "login"
"""The purpose of a challenge for a login with only a passkey."""

_KEPT_S = 600


@dataclass(frozen=True, slots=True)
class UsedChallenge:
    """A challenge that was answered.

    Attributes:
        mark: identifies the submission: a form that is posted twice is accepted twice (ID-10).
    """

    mark: str


class PasskeyCheck:
    """The only way to use a passkey."""

    def __init__(
        self, store: Store, factors: FactorRepository, relying_party: RelyingParty, challenges: Challenges
    ) -> None:
        self._used = Collection(store, keys.passkey_challenge, JsonCodec(UsedChallenge), lambda _: _KEPT_S)
        self._factors = factors
        self._challenges = challenges
        self.relying_party = relying_party

    def login_options(self, browser_secret: str) -> str | None:
        """Return the options for a login with only a passkey; None if the host is an IP address."""
        if not self.relying_party.possible:
            return None
        return self.relying_party.request_options(self._challenges.issue(LOGIN, browser_secret), alone=True)

    async def second_factor_options(self, subject: str, browser_secret: str) -> str | None:
        """Return the options for a second factor; None if the account has no usable passkey."""
        usable = [key for key in (await self._factors.of(subject)).passkeys if not key.cloned_at]
        if not usable or not self.relying_party.possible:
            return None
        challenge = self._challenges.issue(_second(subject), browser_secret)
        allowed = [key.credential_id for key in usable]
        return self.relying_party.request_options(challenge, allowed=allowed, alone=False)

    async def creation_options(self, subject: str, username: str, browser_secret: str) -> str:
        """Return the options for a new passkey."""
        existing = [key.credential_id for key in (await self._factors.of(subject)).passkeys]
        return self.relying_party.creation_options(
            self._challenges.issue(_register(subject), browser_secret),
            subject=subject,
            username=username,
            existing=existing,
        )

    def first_options(self, subject: str, browser_secret: str) -> str | None:
        """Return the options for the passkey of a new account; None if the host is an IP address.

        Args:
            subject: of the new account, which nobody has.
        """
        if not self.relying_party.possible:
            return None
        challenge = self._challenges.issue(_first(subject), browser_secret)
        # The page replaces the name by the username that the person enters.
        return self.relying_party.creation_options(
            challenge, subject=subject, username="administrator", existing=(), alone=True
        )

    async def first_created(
        self, text: str, subject: str, *, browser_secret: str, mark: str
    ) -> NewCredential:
        """Return the passkey with which an account is created, whose authenticator has verified the person.

        Raises:
            PasskeyError: the response is not valid here, or its challenge was used.
        """
        response = parse_response(text)
        self._challenges.check(response.challenge, _first(subject), browser_secret)
        credential = self.relying_party.verify_created(response, alone=True)
        await self._use_up(response.challenge, mark)
        return credential

    async def created(self, text: str, subject: str, *, browser_secret: str, mark: str) -> NewCredential:
        """Return the passkey that an authenticator has created.

        Raises:
            PasskeyError: the response is not valid here, or its challenge was used.
        """
        response = parse_response(text)
        self._challenges.check(response.challenge, _register(subject), browser_secret)
        credential = self.relying_party.verify_created(response)
        await self._use_up(response.challenge, mark)
        return credential

    async def accepts(
        self, text: str, subject: str | None, *, browser_secret: str, mark: str, now: float
    ) -> str:
        """Accept an assertion and return the subject of its account.

        Args:
            text: the response of the authenticator.
            subject: the account whose second factor is checked; None for a login with only a passkey.
            mark: identifies the submission.
            now: seconds since 1970.

        Raises:
            PasskeyError: the response is not valid here, its challenge was used, or the passkey was copied.
        """
        response, alone = parse_response(text), subject is None
        purpose = LOGIN if subject is None else _second(subject)
        self._challenges.check(response.challenge, purpose, browser_secret)
        owner = subject if subject is not None else response.user_handle
        if owner is None or response.user_handle not in (None, owner):
            raise PasskeyError("the passkey does not belong to the account")
        key = (await self._factors.of(owner)).passkey(response.credential_id)
        if key is None:
            raise PasskeyError(Assertion.UNKNOWN.value)
        count = self.relying_party.verify_asserted(response, key.public_key, alone=alone)
        await self._use_up(response.challenge, mark)
        result = await self._factors.change(
            owner,
            lambda factors: accept_assertion(
                factors, response.credential_id, count, mark=mark, now=int(now), alone=alone
            ),
        )
        if result is not Assertion.ACCEPTED:
            raise PasskeyError(result.value)
        return owner

    async def still_has(self, subject: str, text: str) -> bool:
        """Whether the account still has the passkey of an accepted response.

        Called after the account was read: a lock removes the passkeys, and replaces the password afterwards.
        The login finds either the one or the other.
        """
        return (await self._factors.of(subject)).passkey(parse_response(text).credential_id) is not None

    async def _use_up(self, challenge: bytes, mark: str) -> None:
        # Only after the signature is verified, so that nothing is stored for a stranger.
        name = challenge.decode("latin-1")
        if await self._used.create(name, UsedChallenge(mark)):
            return
        used = await self._used.get(name)
        if used is None or used.mark != mark:
            raise PasskeyError("the challenge was used before")


def _second(subject: str) -> str:
    return f"second factor of {subject}"


def _first(subject: str) -> str:
    return f"first passkey of {subject}"


def _register(subject: str) -> str:
    return f"registration for {subject}"
