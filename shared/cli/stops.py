"""``doorward stop``, ``resume`` and ``stops``: the stop switch."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from shared.cli.console import AsJson, CommandError, output, print_json
from shared.cli.operations import record_command
from shared.cli.operator import operator
from shared.cli.store import open_store_and_clock
from shared.stops import Stop, StopKind

if TYPE_CHECKING:
    from auth_service.stops.switch import StopSwitch

T = TypeVar("T")

Kind = Annotated[StopKind, typer.Argument(help="What it is.")]
Name = Annotated[
    str,
    typer.Argument(
        help="The name of a tool or prompt (* matches any text), the URL of a mount, the id of a client, the"
        " `software_id` or name of a client software, or a username."
    ),
]
Resource = Annotated[
    str | None, typer.Option(help="The URL of the only resource at which a tool is stopped.")
]


def stop(
    kind: Kind,
    name: Name,
    resource: Resource = None,
    reason: Annotated[str, typer.Option(help="A sentence for those who are refused.")] = "",
) -> None:
    """Stop a tool, a mount, a client or a person at every resource server, within a second."""
    wanted = _wanted(kind, name, resource, reason)
    record_command(**_about(wanted))
    if not _run(lambda switch: switch.stop(wanted, by=operator())):
        output.print(f"{kind} {name} was stopped already", markup=False)
        return
    output.print(f"stopped {kind} {name}; `doorward resume {kind} NAME` ends this", markup=False)


def resume(kind: Kind, name: Name, resource: Resource = None) -> None:
    """End a stop, within a second. Nobody needs to log in again."""
    wanted = _wanted(kind, name, resource)
    record_command(**_about(wanted))
    if not _run(lambda switch: switch.resume(wanted)):
        raise CommandError(f"{kind} {name} was not stopped{'' if resource is None else ' there'}")
    output.print(f"resumed {kind} {name}", markup=False)


def stops(*, as_json: AsJson = False) -> None:
    """List what is stopped, by whom, and since when."""
    records = _run(lambda switch: switch.records.all())
    if as_json:
        print_json({**record.stop.to_wire(), "by": record.by, "at": record.at} for record in records)
        return
    for record in records:
        at = datetime.fromtimestamp(record.at, UTC).isoformat(timespec="seconds")
        typer.echo("\t".join((record.kind, record.name, record.resource or "", at, record.by, record.reason)))


def _wanted(kind: StopKind, name: str, resource: str | None = None, reason: str = "") -> Stop:
    from auth_service.stops.switch import InvalidStopError, check_stop

    wanted = Stop(kind=kind, name=name, resource=resource, reason=reason)
    try:
        check_stop(wanted)
    except InvalidStopError as error:
        raise CommandError(f"{error}; nothing was changed") from error
    return wanted if kind is not StopKind.PERSON else _of_person(wanted)


def _of_person(wanted: Stop) -> Stop:
    """Return the stop of the account with a username, by its subject."""
    subject = asyncio.run(_subject(wanted.name))
    if subject is None:
        raise CommandError(f"there is no user {wanted.name}; nothing was changed")
    return Stop(kind=wanted.kind, name=subject, reason=wanted.reason)


async def _subject(username: str) -> str | None:
    from auth_service.crypto.passwords import Passwords
    from auth_service.users.repository import UserRepository

    async with open_store_and_clock() as (store, clock):
        user = await UserRepository(store, Passwords(), clock).get(username)
        return None if user is None else user.subject


def _about(stop: Stop) -> dict[str, str]:
    where = {} if stop.resource is None else {"resource": stop.resource}
    return {stop.kind.value: stop.name, **where}


def _run(call: Callable[[StopSwitch], Awaitable[T]]) -> T:
    from auth_service.stops.switch import InvalidStopError, StopSwitch

    async def work() -> T:
        async with open_store_and_clock() as (store, clock):
            return await call(StopSwitch(store, clock))

    try:
        return asyncio.run(work())
    except InvalidStopError as error:
        raise CommandError(str(error)) from error
