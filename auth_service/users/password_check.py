"""Checks passwords within the login limits, a few at a time, taking turns between networks."""

from __future__ import annotations

from collections.abc import Callable

from auth_service.users.login_limits import LoginLimits
from auth_service.users.repository import User, UserRepository
from shared.fair_queue import FairQueue

_AT_ONCE = 2


class PasswordCheck:
    """The only way to authenticate an account by password.

    Args:
        waited: called with the seconds that each attempt waited for its turn.
    """

    def __init__(
        self, users: UserRepository, limits: LoginLimits, waited: Callable[[float], None] | None = None
    ) -> None:
        self._users = users
        self._limits = limits
        self._turns = FairQueue(workers=_AT_ONCE, max_waiting_of_one=128, waited=waited)

    @property
    def waiting(self) -> int:
        """How many attempts wait for their turn."""
        return self._turns.waiting

    async def authenticate(
        self, username: str, password: str, *, network: str, known_browser: str | None
    ) -> User | None:
        """Return the account if the password is correct and the account is not disabled.

        Args:
            network: the network of the attempt, against whose limits it counts.
            known_browser: the browser, if the user has logged in with it before.

        Raises:
            SlowDownError: there were too many failures.
            QueueFullError: too many attempts are waiting.
        """
        # Attempts are counted before the password is checked and refunded if it was correct: parallel guesses
        # get no more attempts than sequential ones. Only a few run at a time, or many correct logins at once
        # would look like many failures; networks take turns, so that a flood from one does not delay the
        # others.
        async with self._turns.turn(known_browser or network):
            await self._limits.attempt(network, username, known_browser)
            user = await self._users.authenticate(username, password)
            if user is not None:
                await self._limits.refund(network, username, known_browser)
        return user
