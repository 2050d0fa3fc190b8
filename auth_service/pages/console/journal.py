"""The journal: the search, and one event with its story."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import urlencode

from starlette.responses import Response

from auth_service.administration.journal import JournalAdministration
from auth_service.clients.repository import ClientRepository
from auth_service.journal.newest_first import Place, read_place
from auth_service.journal.query import JournalQuery, Outcome
from auth_service.pages.console.sections import Administrator, NotThereError
from auth_service.pages.current_password import NotDoneError
from auth_service.pages.journal_rows import KINDS, Names, client_ids, members_of, moment, row_of, rows_of
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.users.repository import UserRepository
from auth_service.web.render import PageTemplates
from shared.texts import Text

PAGE_SIZE = 50
OUTCOMES: Mapping[Outcome, Text] = {
    Outcome.SUCCEEDED: Text("succeeded"),
    Outcome.FAILED: Text("refused or failed"),
    Outcome.UNKNOWN: Text("outcome unknown"),
}
_CONDITIONS = ("kind", "client", "grant", "resource", "session", "request", "name")
_FIELDS = ("person", *_CONDITIONS, "outcome", "since", "until")


@dataclass(frozen=True, kw_only=True)
class _JournalSection:
    """The common parts of both pages."""

    journal: JournalAdministration
    users: UserRepository
    clients: ClientRepository
    templates: PageTemplates

    dangerous: ClassVar[frozenset[str]] = frozenset()

    async def handle_post(self, _form: Parameters, _admin: Administrator) -> Response:
        raise InvalidRequestError(Reason.FORM_FIELD_INVALID, "the journal cannot be changed")

    async def _names(self, events: Iterable[Mapping[str, Any]]) -> Names:
        events = list(events)
        clients = await self.clients.get_many(client_ids(events))
        return Names(
            people=await self.journal.names(events),
            clients={client.client_id: client.name for client in clients},
        )


@dataclass(frozen=True, kw_only=True)
class JournalSection(_JournalSection):
    """The section of all events, newest first."""

    async def handle_get(self, query: Parameters, admin: Administrator) -> Response:
        fields = {name: (query.get(name) or "").strip() for name in _FIELDS}
        page = await self.journal.page(
            admin.actor, await self._query(fields), after=_place(query.get("after")), limit=PAGE_SIZE
        )
        conditions = {name: value for name, value in fields.items() if value}
        context = {
            "admin": admin,
            "fields": fields,
            "filtered": bool(conditions),
            "more_filters": any(fields[name] for name in ("grant", "resource", "session", "request")),
            "kinds": KINDS,
            "outcomes": OUTCOMES,
            "rows": rows_of(page.events, await self._names(page.events)),
            "newest": _link(conditions) if query.get("after") else None,
            "older": _link({**conditions, "after": page.after.to_text()}) if page.after else None,
            "searched_until": moment(page.after.time_ms) if page.after else None,
        }
        return self.templates.render("console_journal.html", context)

    async def _query(self, fields: Mapping[str, str]) -> JournalQuery:
        members = {name: fields[name] for name in _CONDITIONS if fields[name]}
        if fields["person"]:
            user = await self.users.get(fields["person"])
            members["subject"] = user.subject if user else fields["person"]
        try:
            return JournalQuery(
                members=members,
                outcome=Outcome(fields["outcome"]) if fields["outcome"] else None,
                since_ms=time_ms(fields["since"]) or 0,
                until_ms=time_ms(fields["until"]),
            )
        except ValueError as error:
            raise _invalid(Text("The time must look like 2026-07-28 14:00.")) from error


@dataclass(frozen=True, kw_only=True)
class EventSection(_JournalSection):
    """The section of one event, with what led to it and followed from it."""

    async def handle_get(self, query: Parameters, admin: Administrator) -> Response:
        place = _place(query.get("id"))
        story = await self.journal.story(admin.actor, place) if place else None
        if story is None:
            raise NotThereError
        names = await self._names(story.in_order)
        grant = story.event.get("grant")
        context = {
            "admin": admin,
            "row": row_of(story.event, names),
            "members": members_of(story.event),
            "rows": rows_of(story.in_order, names),
            "whole": _link({"grant": grant}) if isinstance(grant, str) else None,
            "more": story.more,
        }
        return self.templates.render("console_event.html", context)


def time_ms(text: str) -> int | None:
    """Return the time in milliseconds since 1970 of a date or time, in UTC if it has no offset.

    Raises:
        ValueError: it is neither.
    """
    if not text:
        return None
    if len(text) > 40:
        raise ValueError("a time is shorter")
    moment_read = datetime.fromisoformat(text)
    try:
        return int(
            (moment_read if moment_read.tzinfo else moment_read.replace(tzinfo=UTC)).timestamp() * 1_000
        )
    except OverflowError as error:
        raise ValueError("the time is out of range") from error


def _place(text: str | None) -> Place | None:
    try:
        return read_place(text) if text else None
    except ValueError:
        raise NotThereError from None


def _invalid(message: Text) -> NotDoneError:
    return NotDoneError(message, 400, Reason.FORM_FIELD_INVALID)


def _link(conditions: Mapping[str, str]) -> str:
    return f"journal?{urlencode(conditions)}" if conditions else "journal"
