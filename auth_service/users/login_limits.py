"""Limits on password guessing: by network, by known browser, and by account."""

from __future__ import annotations

from auth_service.crypto.secrets import digest
from auth_service.protocol.errors import SlowDownError
from auth_service.protocol.rate_limit import Limit
from auth_service.protocol.usernames import canonical
from auth_service.rate_limits import Throttle
from auth_service.storage import keys
from shared.storage.interface import Store
from shared.texts import Text

CROWD_FACTOR = 5
"""The failures at one account, from all networks, after which each network may make fewer attempts at it.

The number is a multiple of one network's limit.
"""

TRIES_IN_A_CROWD = 3

_COUNTED_AT_MOST = 1_000_000


class LoginLimits:
    """Counts login attempts before the password is checked, and refunds the successful ones.

    An account that is attacked from many networks is never locked: each network keeps a few attempts, so that
    the owner can log in from a new place, and known browsers are counted separately (AS-23).

    Args:
        limit: attempts for each network, and for each known browser.
    """

    def __init__(self, store: Store, limit: Limit) -> None:
        self._store = store
        self._limit = limit
        self._networks = Throttle(store, "login", limit)
        crowded = Limit(
            TRIES_IN_A_CROWD,
            limit.window_s,
            Text("Too many failed logins for this account from many networks."),
        )
        self._crowd = Throttle(store, "login-account-network", crowded)

    async def attempt(self, network: str, username: str, known_browser: str | None) -> None:
        """Count an attempt.

        Args:
            known_browser: the browser, if the user has logged in with it before.

        Raises:
            SlowDownError: too many attempts were made.
        """
        if known_browser is not None:
            await self._networks.attempt(_browser(known_browser))
            return
        await self._networks.attempt(network)
        try:
            await self._attempt_at_account(network, username)
        except SlowDownError:
            await self._networks.refund(network)
            raise

    async def refund(self, network: str, username: str, known_browser: str | None) -> None:
        """Refund an attempt that succeeded."""
        if known_browser is not None:
            await self._networks.refund(_browser(known_browser))
            return
        await self._networks.refund(network)
        await self._store.uncount(_account_key(username))
        await self._crowd.refund(_at_account(network, username))

    async def _attempt_at_account(self, network: str, username: str) -> None:
        # Unknown usernames are counted as well, so that the limit does not reveal which accounts exist.
        counted = await self._store.count(
            _account_key(username), ttl_s=self._limit.window_s, limit=_COUNTED_AT_MOST
        )
        if counted.value > CROWD_FACTOR * self._limit.attempts:
            await self._crowd.attempt(_at_account(network, username))


def _browser(name: str) -> str:
    return f"browser:{name}"


def _account_key(username: str) -> str:
    return keys.count("login-account", _account(username))


def _at_account(network: str, username: str) -> str:
    return f"{_account(username)} {network}"


def _account(username: str) -> str:
    try:
        return digest(canonical(username))
    except ValueError:
        return "none"
