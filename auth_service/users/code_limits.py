"""Limits on guessing the codes of a second factor: by network, by known browser, and by account."""

from __future__ import annotations

from auth_service.protocol.errors import SlowDownError
from auth_service.protocol.rate_limit import Limit
from auth_service.rate_limits import Throttle
from shared.storage.interface import Store
from shared.texts import Text

WRONG_CODES_A_DAY = 100
"""Wrong codes for one account in a day from browsers that it has not logged in with before, and as many from
all others.

Three codes of a million are valid at a time: a botnet that knows the password succeeds once in five years.
"""
_REFUSAL = Text("Too many wrong codes.")


class CodeLimits:
    """Counts attempts before the code is checked, and refunds the correct ones.

    No account is locked by strangers: its known browsers are counted separately. They are limited together as
    well: somebody with the password may have logged in with many before there was a second factor. Passkeys
    and recovery codes cannot be guessed and are not counted against the account.
    """

    def __init__(self, store: Store, limit: Limit) -> None:
        self._sources = Throttle(store, "code", Limit(limit.attempts, limit.window_s, _REFUSAL))
        self._accounts = Throttle(store, "code-account", Limit(WRONG_CODES_A_DAY, 86_400, _REFUSAL))

    async def attempt(
        self, network: str, subject: str, known_browser: str | None, *, guessable: bool
    ) -> None:
        """Count an attempt.

        Args:
            known_browser: the browser, if the user has logged in with it before.
            guessable: whether the code is a short one from an app.

        Raises:
            SlowDownError: too many wrong codes were entered.
        """
        source = _source(network, known_browser)
        await self._sources.attempt(source)
        if guessable:
            try:
                await self._accounts.attempt(_account(subject, known_browser))
            except SlowDownError:
                await self._sources.refund(source)
                raise

    async def refund(self, network: str, subject: str, known_browser: str | None, *, guessable: bool) -> None:
        """Refund an attempt that succeeded."""
        await self._sources.refund(_source(network, known_browser))
        if guessable:
            await self._accounts.refund(_account(subject, known_browser))


def _source(network: str, known_browser: str | None) -> str:
    return network if known_browser is None else f"browser:{known_browser}"


def _account(subject: str, known_browser: str | None) -> str:
    return subject if known_browser is None else f"known:{subject}"
