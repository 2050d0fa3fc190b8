"""An e-mail address that a person enters: unproven until an administrator confirms it (ID-7).

This server sends no mail, so the person cannot prove that the address is theirs. An unproven address takes
part in nothing: neither in access rules, nor in links by e-mail address, nor in claims. A proven one stays
meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from auth_service.accounts.lifecycle import AccountLifecycle
from auth_service.journal.account_events import BeforeWrite, nothing_before
from auth_service.protocol.email_addresses import required
from auth_service.users.repository import User
from shared.texts import Text


class NotThatAddressError(ValueError):
    """The account waits for the confirmation of another address, or of none."""


@dataclass(frozen=True, kw_only=True)
class OwnEmail:
    """Records the address that a person enters, and confirms it."""

    accounts: AccountLifecycle

    async def enter(
        self, account: User, address: str | None, *, network: str, before: BeforeWrite = nothing_before
    ) -> User:
        """Record the address that a person entered, in place of an earlier unproven one; None removes it.

        Args:
            network: where the change comes from, for the notice.
            before: awaited when the address has been accepted, before it is stored.

        Raises:
            NoSuchUserError: the account no longer exists.
            ValueError: it is not an address.
        """
        email = required(address) if address else None
        await before()

        earlier: str | None = None

        def change(user: User) -> User:
            nonlocal earlier
            earlier = user.unproven_email
            return replace(user, unproven_email=None if email == user.email else email)

        changed = await self.accounts.users.change(account, change)
        if changed.unproven_email != earlier:
            text = "An unproven e-mail address was " + ("entered" if changed.unproven_email else "removed")
            await self.accounts.factors.note(account.subject, text, network)
        return changed

    async def confirm(self, account: User, address: str) -> User:
        """Make the unproven address of an account its proven one.

        Args:
            address: the address that the administrator saw: the person may have entered another since.

        Raises:
            NoSuchUserError: the account no longer exists.
            NotThatAddressError: the account has another unproven address.
            ValueError: another account has the address.
        """
        current = await self.accounts.users.by_subject(account.subject)
        if current is None or current.unproven_email is None or current.unproven_email != required(address):
            raise NotThatAddressError(
                Text("%(name)s waits for no confirmation of %(email)s", name=account.username, email=address)
            )
        confirmed = await self.accounts.set_email(current, current.unproven_email)
        await self.accounts.factors.note(
            account.subject, "Your e-mail address was confirmed by an administrator"
        )
        return confirmed

    async def dismiss(self, account: User) -> User:
        """Remove the unproven address of an account.

        Raises:
            NoSuchUserError: the account no longer exists.
        """
        return await self.accounts.users.change(account, lambda user: replace(user, unproven_email=None))
