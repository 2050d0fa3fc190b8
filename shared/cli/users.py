"""``doorward users``: manage accounts, on a machine or in a container that can reach the store."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from getpass import getpass
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from shared.cli.console import (
    AsJson,
    CommandError,
    Yes,
    confirm,
    date,
    errors,
    output,
    print_json,
    print_table,
)
from shared.cli.import_accounts import import_accounts
from shared.cli.operations import command_recorded, record_command
from shared.cli.store import open_store_and_clock

if TYPE_CHECKING:
    from auth_service.accounts.account_links import AccountLinks
    from auth_service.accounts.lifecycle import AccountLifecycle
    from auth_service.federation.identities import Identity
    from auth_service.users.repository import User
    from shared.clock import Clock

T = TypeVar("T")

users = typer.Typer(help="Add, list and change user accounts.", no_args_is_help=True)
users.command("import")(import_accounts)
Username = Annotated[str, typer.Argument()]
Hours = Annotated[int, typer.Option(min=1, max=168, help="How long the link is valid.")]


@users.command()
def add(
    username: Username,
    name: Annotated[
        str | None, typer.Option(help="Display name of the user, for clients that request it.")
    ] = None,
    admin: Annotated[
        bool, typer.Option("--admin", help=("Make the user an administrator, who can use /admin."))
    ] = False,
) -> None:
    """Create an account; the password is prompted for, or read from standard input."""
    password = _new_password()
    record_command()
    user = _run(lambda api: api.create(username, password, name, admin=admin))
    output.print(f"Added {user.username}", markup=False)


@users.command("list")
def list_(
    *,
    search: Annotated[str, typer.Option(help="A part of the username.")] = "",
    administrators: Annotated[bool, typer.Option("--administrators", help="Only administrators.")] = False,
    disabled: Annotated[bool, typer.Option("--disabled", help="Only disabled accounts.")] = False,
    invited: Annotated[bool, typer.Option("--invited", help="Only people who have set no password.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the accounts, with the subject by which MCP servers know them."""
    listed = [
        user
        for user in _run(lambda api: api.users.list())
        if user.admin >= administrators and user.disabled >= disabled and user.invited >= invited
        if search.casefold() in user.username.casefold()
    ]
    if as_json:
        print_json(map(_members, listed))
        return
    headers = ("USERNAME", "SUBJECT", "NAME", "E-MAIL", "CREATED", "STATE")
    print_table(headers, map(_columns, listed))


@users.command()
def disable(username: Username) -> None:
    """Disable an account from now on, and end its sessions and connections."""
    _change(username, lambda api, user: api.disable(user))
    output.print(f"Disabled {username}", markup=False)


@users.command()
def enable(username: Username) -> None:
    """Enable a disabled account."""
    _change(username, lambda api, user: api.enable(user))
    output.print(f"Enabled {username}", markup=False)


@users.command()
def delete(
    username: Username,
    yes: Yes = False,
) -> None:
    """Delete an account, and end its sessions and connections. This cannot be undone."""
    confirm(f"Delete {username} and end all sessions and connections?", yes=yes)
    _change(username, lambda api, user: api.delete(user))
    output.print(f"Deleted {username}", markup=False)


@users.command()
def promote(username: Username) -> None:
    """Give an account access to the console, /admin."""
    _change(username, lambda api, user: api.connected.promote(user))
    output.print(f"{username} is an administrator", markup=False)


@users.command()
def demote(username: Username) -> None:
    """Withdraw an account's access to the console, from now on."""
    _change(username, lambda api, user: api.demote(user))
    output.print(f"{username} is not an administrator", markup=False)


@users.command()
def passwd(
    username: Username,
    keep_connections: Annotated[
        bool,
        typer.Option("--keep-connections", help="End only the sessions; keep connections and consents."),
    ] = False,
) -> None:
    """Change a password, from a prompt or standard input; end the sessions and connections opened with it."""
    password = _new_password()
    _change(username, lambda api, user: api.set_password(user, password, keep_connections=keep_connections))
    output.print(f"Changed the password of {username}", markup=False)
    ended = "all sessions have ended" if keep_connections else "all sessions and connections have ended"
    output.print(ended, markup=False)


@users.command()
def rename(username: Username, new: Annotated[str, typer.Argument()]) -> None:
    """Give an account another username; subject and connections stay."""

    async def run() -> User:
        from auth_service.access.announcements import AccessChangePublisher
        from auth_service.accounts.renaming import AccountRenames
        from auth_service.crypto.passwords import Passwords
        from auth_service.grants.repository import GrantRepository
        from auth_service.users.renaming import UserRenames
        from auth_service.users.repository import UserRepository

        async with open_store_and_clock() as (store, clock):
            users = UserRepository(store, Passwords(), clock)
            await command_recorded(user_subject=(await users.named(username)).subject)
            renames = AccountRenames(
                users=UserRenames(store, users),
                grants=GrantRepository(store, clock),
                changes=AccessChangePublisher(store, users, clock),
            )
            return await renames.rename(username, new)

    user = _reported(run)
    output.print(f"Renamed {username} to {user.username}", markup=False)


@users.command()
def reset(
    username: Username,
    hours: Hours = 24,
    *,
    lock: Annotated[
        bool,
        typer.Option(
            "--lock",
            help="Also end the password, second factors, passkeys and connections at once, because somebody"
            " else may have had access.",
        ),
    ] = False,
    yes: Yes = False,
) -> None:
    """End a person's sessions, and print a link by which they set a new password, once."""
    if lock:
        question = f"End the password, second factors, passkeys and connections of {username}?"
        confirm(question, yes=yes)

    async def run(links: AccountLinks) -> str:
        user = await links.accounts.users.named(username)
        await command_recorded(user_subject=user.subject)
        return await links.reset(user, ttl_s=hours * 3_600, lock=lock)

    _print_link(_with_links(run), hours)


@users.command()
def invite(
    username: Username,
    name: Annotated[str | None, typer.Option(help="The person's name, for clients that ask for it.")] = None,
    email: Annotated[str | None, typer.Option(help="An address that is known to be theirs.")] = None,
    hours: Hours = 72,
) -> None:
    """Create an account without a password; print a link by which the person sets one, once."""

    async def run(links: AccountLinks) -> str:
        await command_recorded()
        return (await links.invite(username, name, email, ttl_s=hours * 3_600))[1]

    _print_link(_with_links(run), hours)


def _with_links(call: Callable[[AccountLinks], Awaitable[T]]) -> T:
    from auth_service.accounts.account_links import AccountLinks

    async def run() -> T:
        async with _open_accounts() as (accounts, clock):
            return await call(AccountLinks(accounts=accounts, clock=clock))

    return _reported(run)


def _print_link(secret: str, hours: int) -> None:
    from auth_service.accounts.account_links import link_url

    output.print(link_url(os.environ.get("DOORWARD_ISSUER", "http://localhost:9000"), secret), markup=False)
    errors.print(f"Valid once, for {hours} hours. It is not shown again.", markup=False)


@users.command()
def email(
    username: Username,
    address: Annotated[str | None, typer.Argument(help="Omit it to remove the address.")] = None,
) -> None:
    """Set a person's e-mail address. Identity providers may connect them to the account by it."""
    _change(username, lambda api, user: api.set_email(user, address))
    text = f"{username} has the address {address}" if address else f"{username} has no e-mail address"
    output.print(text, markup=False)


@users.command("confirm-email")
def confirm_email(
    username: Username, address: Annotated[str, typer.Argument(help="The address that the person entered.")]
) -> None:
    """Confirm the address that a person entered on the account page, once you know that it is theirs."""
    from auth_service.accounts.own_email import OwnEmail

    _change(username, lambda api, user: OwnEmail(accounts=api).confirm(user, address))
    output.print(f"{username} has the address {address}", markup=False)


@users.command("reset-factors")
def reset_factors(username: Username, yes: Yes = False) -> None:
    """Remove second factors that a person has lost; the account page tells the person."""
    confirm(f"Remove the second factors and passkeys of {username}?", yes=yes)
    removed = _change(username, lambda api, user: api.reset_factors(user))
    text = f"Removed the second factors of {username}" if removed else f"{username} has no second factor"
    output.print(text, markup=False)


@users.command()
def identities(username: Username, *, as_json: AsJson = False) -> None:
    """List a person's identities: id, provider, name there, first and last use."""

    async def read(api: AccountLifecycle) -> list[Identity]:
        return await api.connected.of(await api.users.named(username))

    connected = _run(read)
    if as_json:
        print_json(
            {
                "id": identity.identity_id,
                "provider": identity.provider_id,
                "name": identity.name,
                "connected_at": identity.connected_at,
                "last_used_at": identity.seen_at or None,
            }
            for identity in connected
        )
        return
    print_table(
        ("ID", "PROVIDER", "NAME", "CONNECTED", "LAST USED"),
        (
            (each.identity_id, each.provider_id, each.name, date(each.connected_at), date(each.seen_at))
            for each in connected
        ),
    )


@users.command()
def disconnect(
    username: Username,
    identity: Annotated[str, typer.Argument(help="The id that `doorward users identities` shows.")],
    yes: Yes = False,
) -> None:
    """Disconnect an identity from an account, and end sessions and connections of its provider's logins."""
    confirm(f"Disconnect {identity} from {username} and end its logins and connections?", yes=yes)
    gone = _change(username, lambda api, user: api.connected.disconnect(user, identity))
    output.print(f"Disconnected {gone.name} at {gone.provider_id} from {username}", markup=False)


def _members(user: User) -> dict[str, object]:
    return {
        "username": user.username,
        "subject": user.subject,
        "name": user.name,
        "administrator": user.admin,
        "disabled": user.disabled,
        "invited": user.invited,
        "email": user.email,
        "created_at": user.created_at,
    }


def _columns(user: User) -> tuple[str, ...]:
    states = {
        "administrator": user.admin,
        "disabled": user.disabled,
        "invited": user.invited,
        f"unproven address {user.unproven_email}": user.unproven_email,
    }
    state = ", ".join(mark for mark, applies in states.items() if applies)
    created = date(user.created_at)
    return user.username, user.subject, user.name or "-", user.email or "-", created, state or "-"


def _new_password() -> str:
    """Read a password; never from an argument, which the process list and the shell's history show."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass("Password: ")
    if getpass("Again: ") != password:
        raise CommandError("the passwords differ; nothing was changed")
    return password


def _change(username: str, call: Callable[[AccountLifecycle, User], Awaitable[T]]) -> T:
    """Change the account that has the username now, even if it is renamed in the meantime."""

    async def run(api: AccountLifecycle) -> T:
        user = await api.users.named(username)
        await command_recorded(user_subject=user.subject)
        return await call(api, user)

    return _run(run)


def _run(call: Callable[[AccountLifecycle], Awaitable[T]]) -> T:
    async def run() -> T:
        async with _open_accounts() as (api, _):
            return await call(api)

    return _reported(run)


def _reported(run: Callable[[], Coroutine[Any, Any, T]]) -> T:
    from auth_service.users.repository import NoSuchUserError, UserExistsError

    try:
        return asyncio.run(run())
    except UserExistsError as error:
        raise CommandError(f"the user already exists: {error}") from error
    except NoSuchUserError as error:
        raise CommandError(f"there is no such user: {error}") from error
    except ValueError as error:
        raise CommandError(str(error)) from error


@asynccontextmanager
async def _open_accounts() -> AsyncIterator[tuple[AccountLifecycle, Clock]]:
    from auth_service.accounts.lifecycle import AccountLifecycle

    site_name = os.environ.get("DOORWARD_SITE_NAME") or "Doorward"
    async with open_store_and_clock() as (store, clock):
        yield AccountLifecycle.of_store(store, clock, site_name=site_name), clock
