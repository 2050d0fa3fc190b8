"""``doorward audit``: the journal of the authorization server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared.cli.console import CommandError, NegativeResultError, errors, json_text, output, printable
from shared.cli.master_keys import available_key_ring
from shared.cli.store import open_local_store
from shared.clock import system_clock

if TYPE_CHECKING:
    from auth_service.crypto.keyring import KeyRing
    from auth_service.journal.reader import JournalReport
    from auth_service.journal.search import JournalQuery
    from shared.storage.interface import Store

audit = typer.Typer(
    help="Search, export and verify the journal: who did what, through which client.", no_args_is_help=True
)
_CHAIN_MEMBERS = frozenset({"chain", "sequence", "previous", "time_ms", "kind", "subject", "client"})


class ExportFormat(StrEnum):
    """The forms in which events are exported."""

    JSONL = "jsonl"
    OCSF = "ocsf"
    OTLP = "otlp"


AsJson = Annotated[bool, typer.Option("--json", help="Print each event as a line of JSON.")]
Since = Annotated[
    str | None, typer.Option(help="Only events since this time, such as 2026-07-28 or 2026-07-28T14:00Z.")
]
Until = Annotated[str | None, typer.Option(help="Only events before this time.")]


@audit.command()
def tail(
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, max=10_000, help="How many events.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Print the latest events."""
    _print_newest(_query({}, None, None), lines, as_json=as_json)


@audit.command()
def search(
    kind: Annotated[str | None, typer.Option(help="Such as call, login, consent or tokens.issued.")] = None,
    user: Annotated[str | None, typer.Option(help="A username.")] = None,
    subject: Annotated[str | None, typer.Option(help="The subject of a user, also of a deleted one.")] = None,
    client: Annotated[str | None, typer.Option(help="A client id.")] = None,
    grant: Annotated[str | None, typer.Option(help="The id of a grant.")] = None,
    request: Annotated[str | None, typer.Option(help="The id of a request.")] = None,
    tool: Annotated[str | None, typer.Option(help="The tool, prompt or resource that was called.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="The newest so many.")] = 1_000,
    as_json: AsJson = False,
) -> None:
    """Print the events that meet every condition."""
    if user is not None:
        subject = asyncio.run(_subject_of(user))
    members = {
        "kind": kind,
        "subject": subject,
        "client": client,
        "grant": grant,
        "request": request,
        "name": tool,
    }
    _print_newest(_query(members, since, until), limit, as_json=as_json)


@audit.command()
def export(
    since: Since = None,
    until: Until = None,
    form: Annotated[
        ExportFormat, typer.Option("--format", help="The journal's own form, OCSF 1.3.0, or OTLP logs.")
    ] = ExportFormat.JSONL,
) -> None:
    """Print the events as lines of JSON, one chain after the other."""
    asyncio.run(_export(_query({}, since, until), form))


@audit.command()
def verify() -> None:
    """Check that no event was edited, removed or reordered; the exit status is 1 if one was."""
    report = asyncio.run(_verified())
    for problem in report.problems:
        place = f"chain {printable(problem.writer)}, entry {problem.sequence}"
        output.print(f"{place}: {problem.finding}", markup=False, soft_wrap=True)
    summary = f"{report.events} events in {report.chains} chains, {report.unsigned} not signed yet"
    if report.problems:
        raise NegativeResultError(f"the journal was changed, or a part is missing ({summary})")
    output.print(f"The journal is complete: {summary}", markup=False, soft_wrap=True)


async def _verified() -> JournalReport:
    from auth_service.journal.keys import public_keys
    from auth_service.journal.reader import JournalReader

    async with _opened() as (store, key_ring):
        return await JournalReader(store).verify(public_keys(key_ring))


@asynccontextmanager
async def _opened() -> AsyncIterator[tuple[Store, KeyRing]]:
    key_ring = available_key_ring()
    if key_ring is None:
        raise CommandError("DOORWARD_MASTER_KEYS is not set: the journal is signed under the master keys")
    async with open_local_store() as store:
        yield store, key_ring


@asynccontextmanager
async def recorded_reading(query: JournalQuery) -> AsyncIterator[Store]:
    """Open the store for reading the journal, which is an event itself."""
    from auth_service.journal.keys import signing_key
    from auth_service.journal.writer import JournalWriter
    from shared.journal.event import EventKind

    async with _opened() as (store, key_ring):
        journal = JournalWriter(store, signing_key(key_ring), system_clock)
        await journal.record(EventKind.READ, via="command", query=query.members or None)
        await journal.checkpoint()
        yield store


def _query(members: dict[str, str | None], since: str | None, until: str | None) -> JournalQuery:
    from auth_service.journal.search import JournalQuery

    return JournalQuery(
        members={name: value for name, value in members.items() if value is not None},
        since_ms=_time_ms("--since", since) or 0,
        until_ms=_time_ms("--until", until),
    )


def _time_ms(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        time_read = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{option} {text}: not a date or time such as 2026-07-28T14:00Z") from error
    return int((time_read if time_read.tzinfo else time_read.replace(tzinfo=UTC)).timestamp() * 1000)


async def _subject_of(username: str) -> str:
    from auth_service.crypto.passwords import Passwords
    from auth_service.users.repository import UserRepository

    async with open_local_store() as store:
        user = await UserRepository(store, Passwords(), system_clock).get(username)
    if user is None:
        raise CommandError(f"there is no user {username}; use --subject for a deleted one")
    return user.subject


def _print_newest(query: JournalQuery, limit: int, *, as_json: bool) -> None:
    events, names = asyncio.run(_newest(query, limit))
    for event in events:
        # Not with `output`, which replaces tabs.
        typer.echo(json_text(event) if as_json else _line(event, names))
    if not events:
        errors.print("There is no such event", style="dim")


async def _newest(query: JournalQuery, limit: int) -> tuple[list[dict[str, Any]], dict[str, str]]:
    from auth_service.crypto.passwords import Passwords
    from auth_service.journal.reader import JournalReader
    from auth_service.journal.search import newest_events
    from auth_service.users.repository import UserRepository

    async with recorded_reading(query) as store:
        events = await newest_events(JournalReader(store), query, limit)
        users = UserRepository(store, Passwords(), system_clock)
        names = {}
        for subject in {event["subject"] for event in events if _is_name(event.get("subject"))}:
            if user := await users.by_subject(subject):
                names[subject] = user.username
    return events, names


async def _export(query: JournalQuery, form: ExportFormat) -> None:
    from auth_service.journal.reader import JournalReader
    from auth_service.journal.search import matching_events

    exported = _mapping(form)
    async with recorded_reading(query) as store:
        async for event in matching_events(JournalReader(store), query):
            typer.echo(json_text(exported(event)))


def _mapping(form: ExportFormat) -> Callable[[dict[str, Any]], dict[str, Any]]:
    from shared.journal.ocsf import ocsf_event
    from shared.journal.otlp import otlp_logs

    if form is ExportFormat.OCSF:
        return ocsf_event
    return otlp_logs if form is ExportFormat.OTLP else dict


def _line(event: dict[str, Any], names: dict[str, str]) -> str:
    """Return an event as columns: time, kind, person, client, and the other members."""
    subject = _text(event.get("subject") or "-")
    others = " ".join(
        f"{printable(name)}={_text(value)}"
        for name, value in sorted(event.items())
        if name not in _CHAIN_MEMBERS
    )
    columns = [names.get(subject, subject), _text(event.get("client") or "-"), others]
    return "\t".join([_when(event["time_ms"]), _text(event["kind"]), *columns])


def _when(time_ms: int) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time_ms / 1000))
    except (OSError, OverflowError, ValueError):
        return "-"  # an entry that somebody has made up


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value != "" and value.isprintable()


def _text(value: object) -> str:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return printable(",".join(value))
    return printable(value) if isinstance(value, str) else json_text(value)
