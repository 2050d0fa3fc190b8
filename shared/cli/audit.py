"""``doorward audit``: the journal of the authorization server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared.cli.console import CommandError, NegativeResultError, errors, json_text, output, printable
from shared.cli.master_keys import available_key_ring
from shared.cli.operator import operator
from shared.cli.store import clock_of, open_local_store

if TYPE_CHECKING:
    from auth_service.administration.actors import Actor
    from auth_service.crypto.keyring import KeyRing
    from auth_service.journal.newest_first import Place
    from auth_service.journal.query import JournalQuery
    from auth_service.journal.reader import JournalReport
    from auth_service.users.repository import UserRepository
    from shared.storage.interface import Store

audit = typer.Typer(
    help="Search, export and verify the journal: who did what, through which client.", no_args_is_help=True
)
_CHAIN_MEMBERS = frozenset({"chain", "sequence", "previous", "time_ms", "kind", "subject", "client", "id"})


class OutcomeOption(StrEnum):
    """The outcomes that can be searched for."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


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
    _print_newest(_Search(query=_query({}, None, None), limit=lines), as_json=as_json)


@audit.command()
def search(
    kind: Annotated[str | None, typer.Option(help="Such as call, login, consent or tokens.issued.")] = None,
    user: Annotated[str | None, typer.Option(help="A username.")] = None,
    subject: Annotated[str | None, typer.Option(help="The subject of a user, also of a deleted one.")] = None,
    client: Annotated[str | None, typer.Option(help="A client id.")] = None,
    grant: Annotated[str | None, typer.Option(help="The id of a grant.")] = None,
    request: Annotated[str | None, typer.Option(help="The id of a request.")] = None,
    resource: Annotated[str | None, typer.Option(help="The URL of a resource.")] = None,
    outcome: Annotated[OutcomeOption | None, typer.Option(help="How it ended.")] = None,
    tool: Annotated[str | None, typer.Option(help="The tool, prompt or resource that was called.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="The newest so many.")] = 1_000,
    after: Annotated[str | None, typer.Option(help="Continue an earlier search from here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print the newest events that meet every condition."""
    if user is not None:
        subject = asyncio.run(_subject_of(user))
    members = {
        "kind": kind,
        "subject": subject,
        "client": client,
        "grant": grant,
        "request": request,
        "resource": resource,
        "name": tool,
    }
    query = _query(members, since, until, outcome)
    _print_newest(_Search(query=query, limit=limit, after=after), as_json=as_json)


@audit.command()
def show(
    event_id: Annotated[str, typer.Argument(help="The `id` of an event, from --json or the console.")],
    as_json: AsJson = False,
) -> None:
    """Print an event with its story: registration, consent, grant, calls."""
    events, names = asyncio.run(_story(event_id))
    _print_events(events, names, as_json=as_json)


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
        output.print(f"{place}: {printable(str(problem))}", markup=False)
    summary = f"{report.events} events in {report.chains} chains, {report.unsigned} not signed yet"
    if report.problems:
        raise NegativeResultError(f"the journal was changed, or a part is missing ({summary})")
    output.print(f"The journal is complete: {summary}", markup=False)


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
    async with _reading() as (store, actor):
        from auth_service.administration.journal import record_reading

        await record_reading(actor, query=query.to_json() or None)
        yield store


@asynccontextmanager
async def _reading() -> AsyncIterator[tuple[Store, Actor]]:
    from auth_service.administration.actors import Actor
    from auth_service.journal.keys import signing_key
    from auth_service.journal.writer import JournalWriter

    async with _opened() as (store, key_ring):
        journal = JournalWriter(store, signing_key(key_ring), await clock_of(store))
        try:
            yield store, Actor(name=operator(), subject=None, via="command", journal=journal)
        finally:
            await journal.checkpoint()


def _query(
    members: dict[str, str | None],
    since: str | None,
    until: str | None,
    outcome: OutcomeOption | None = None,
) -> JournalQuery:
    from auth_service.journal.query import JournalQuery, Outcome

    return JournalQuery(
        members={name: value for name, value in members.items() if value is not None},
        outcome=Outcome(outcome.value) if outcome else None,
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
    async with open_local_store() as store:
        user = await (await _users(store)).get(username)
    if user is None:
        raise CommandError(f"there is no user {username}; use --subject for a deleted one")
    return user.subject


@dataclass(frozen=True, kw_only=True)
class _Search:
    """A search, and where it continues."""

    query: JournalQuery
    limit: int
    after: str | None = None


def _print_newest(search: _Search, *, as_json: bool) -> None:
    events, names, older = asyncio.run(_newest(search))
    _print_events(events, names, as_json=as_json)
    if not events:
        errors.print("There is no such event", style="dim")
    if older is not None and events:
        errors.print(f"Older events: --after {printable(older)}", style="dim", markup=False)


def _print_events(events: list[dict[str, Any]], names: dict[str, str], *, as_json: bool) -> None:
    for event in events:
        # Not with `output`, which replaces tabs.
        typer.echo(json_text(event) if as_json else _line(event, names))


async def _newest(search: _Search) -> tuple[list[dict[str, Any]], dict[str, str], str | None]:
    from auth_service.administration.journal import names_of
    from auth_service.journal.search import newest_events

    after = None if search.after is None else _place("--after", search.after)
    async with recorded_reading(search.query) as store:
        events, older = await newest_events(store, search.query, search.limit, after)
        return events, await names_of(await _users(store), events), older.to_text() if older else None


async def _story(event_id: str) -> tuple[list[dict[str, Any]], dict[str, str]]:
    from auth_service.administration.journal import JournalAdministration
    from auth_service.clients.repository import ClientRepository
    from auth_service.grants.repository import GrantRepository
    from auth_service.journal.search import JournalSearch
    from auth_service.journal.stories import Stories

    place = _place("the id", event_id)
    async with _reading() as (store, actor):
        clock = await clock_of(store)
        grants, clients = GrantRepository(store, clock), ClientRepository(store, clock)
        search = JournalSearch(store)
        reading = JournalAdministration(
            search=search, stories=Stories(search, grants, clients), users=await _users(store)
        )
        story = await reading.story(actor, place)
        if story is None:
            raise CommandError(f"there is no event {printable(event_id)}")
        return story.in_order, await reading.names(story.in_order)


async def _users(store: Store) -> UserRepository:
    from auth_service.crypto.passwords import Passwords
    from auth_service.users.repository import UserRepository

    return UserRepository(store, Passwords(), await clock_of(store))


def _place(option: str, text: str) -> Place:
    from auth_service.journal.newest_first import read_place

    try:
        return read_place(text)
    except ValueError as error:
        raise CommandError(f"{option} {printable(text)}: not the place of an event") from error


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


def _text(value: object) -> str:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return printable(",".join(value))
    return printable(value) if isinstance(value, str) else json_text(value)
