"""The events about changes that people make to their own accounts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from auth_service.journal.journal import NO_JOURNAL, Journal
from shared.journal.event import EventKind

BeforeWrite = Callable[[], Awaitable[None]]
"""Awaited once a change has been checked, before it is written."""


async def nothing_before() -> None:
    """Do nothing before a change is written."""


class AccountAction(StrEnum):
    """The changes that people make to their own accounts."""

    PASSWORD_CHANGED = "password changed"  # noqa: S105 -- the name of an action
    PASSWORD_SET_BY_LINK = "password set by link"  # noqa: S105 -- the name of an action
    FACTOR_ADDED = "second factor added"
    FACTOR_REMOVED = "second factor removed"
    RECOVERY_CODES_CREATED = "recovery codes created"
    IDENTITY_CONNECTED = "identity connected"
    IDENTITY_DISCONNECTED = "identity disconnected"
    EMAIL_CHANGED = "unproven e-mail address changed"
    FIRST_ADMINISTRATOR_CREATED = "first administrator created"
    LOGGED_OUT = "logged out"
    SESSIONS_ENDED = "sessions ended"
    BROWSERS_FORGOTTEN = "browsers forgotten"
    DELETED = "account deleted"
    UPSTREAM_REGISTERED = "client registered at a provider"
    UPSTREAM_CONNECTED = "account at a provider connected"
    UPSTREAM_DISCONNECTED = "account at a provider disconnected"
    UPSTREAM_ENDED = "account at a provider ended by the provider"
    UPSTREAM_REVOKED = "tokens revoked at a provider"
    UPSTREAM_NOT_REVOKED = "tokens not revoked at a provider"
    UPSTREAM_LINK_REFUSED = "link of another person refused"
    APPROVAL_REQUESTED = "approval of a call requested"
    CALL_APPROVED = "call approved"
    CALL_DENIED = "call denied"
    APPROVAL_USED = "approval of a call used"
    APPROVAL_LINK_REFUSED = "link of another approver refused"


ENDING = frozenset(
    {
        AccountAction.LOGGED_OUT,
        AccountAction.SESSIONS_ENDED,
        AccountAction.BROWSERS_FORGOTTEN,
        AccountAction.DELETED,
        AccountAction.UPSTREAM_DISCONNECTED,
        AccountAction.UPSTREAM_ENDED,
        AccountAction.UPSTREAM_REVOKED,
        AccountAction.UPSTREAM_NOT_REVOKED,
        AccountAction.UPSTREAM_LINK_REFUSED,
        AccountAction.CALL_DENIED,
        AccountAction.APPROVAL_LINK_REFUSED,
    }
)
"""Actions that only take away access: they go ahead while the journal waits for room in the store."""


@dataclass(frozen=True, slots=True)
class AccountEvents:
    """Records changes of accounts by their owners."""

    journal: Journal = NO_JOURNAL

    async def record(self, action: AccountAction, subject: str, **about: object) -> None:
        """Record a change that is about to be made.

        Args:
            about: ids such as `session`, `identity`, and the `network`; no names, addresses or secrets.

        Raises:
            StoreUnavailableError: the event may not be stored, so the change must not be made.
        """
        if action in ENDING:
            self.journal.note(EventKind.ACCOUNT, action=action.value, subject=subject, **about)
        else:
            await self.journal.record(EventKind.ACCOUNT, action=action.value, subject=subject, **about)

    def before(self, action: AccountAction, subject: str, **about: object) -> BeforeWrite:
        """Return a function that records a change, for code that checks it first."""
        return partial(self.record, action, subject, **about)


NO_ACCOUNT_EVENTS = AccountEvents()
