"""Checks a password within the login limits, a few at a time, in turns between networks."""

from __future__ import annotations

from auth_service.users.login_limits import LoginLimits
from auth_service.users.repository import User, UserRepository
from shared.fair_queue import FairQueue

_AT_ONCE = 2


class PasswordCheck:
    """The one way from a password that was typed to the account it belongs to."""

    def __init__(self, users: UserRepository, limits: LoginLimits) -> None:
        self._users = users
        self._limits = limits
        self._turns = FairQueue(workers=_AT_ONCE, max_waiting_of_one=128)

    async def authenticate(
        self, username: str, password: str, *, network: str, known_browser: str | None
    ) -> User | None:
        """The account, if the password is its own and it is not disabled.

        Args:
            network: where the attempt comes from; it counts against its limits.
            known_browser: the browser, if the user has logged in with it before.

        Raises:
            SlowDownError: there were too many failures.
            QueueFullError: too many attempts are waiting.
        """
        # Counted before the password is looked at, and taken back if it was right: parallel guesses get no
        # more tries than one after the other. Only a few at a time, or many good logins at once would look
        # like many bad ones; networks take turns, so that a flood of one keeps nobody else waiting.
        async with self._turns.turn(known_browser or network):
            await self._limits.attempt(network, username, known_browser)
            user = await self._users.authenticate(username, password)
            if user is not None:
                await self._limits.refund(network, username, known_browser)
        return user
