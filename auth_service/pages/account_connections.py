"""The section of the account page with the connected programs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from auth_service.accounts.connected_apps import ConnectedApps
from auth_service.fetching.resource_metadata import ResourceDescriptions
from auth_service.grants.tool_calls import ToolCallRepository
from auth_service.pages.account_sections import Confirmation, Done
from auth_service.pages.pagination import paginated
from auth_service.protocol.connected_apps import DELETED_CLIENT, ConnectedApp, Connection
from auth_service.protocol.grant import Grant
from auth_service.protocol.joined_grants import without_mount
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.resources import ResourceRegistry
from auth_service.protocol.scope_details import ResourceDescription
from auth_service.protocol.tool_calls import DayCalls
from auth_service.stops.concerning import concerning
from auth_service.stops.records import StopRecord, StopRecords
from auth_service.users.sessions import Session
from auth_service.web.moments import day
from shared.logs import get_logger
from shared.stops import StopKind
from shared.texts import Text, listed_text, plural_text

_log = get_logger(__name__)

_REASON = "the user disconnected the client"
MESSAGES = {
    "disconnected": Text("The application is disconnected."),
    "app_disconnected": Text("All connections of the application have ended."),
    "mount_disconnected": Text("The application no longer has access to that part."),
}
_LOSES_ACCESS = Text("It loses access at once. It can ask for access again, and you decide again.")
_LOSES_PART = Text("It loses access to this part at once, and keeps the rest. It can ask you for it again.")


@dataclass(frozen=True, kw_only=True)
class ConnectionsSection:
    """Lists connections by program, last used first; disconnects one, or all of a program."""

    apps: ConnectedApps
    resource_registry: ResourceRegistry
    descriptions: ResourceDescriptions
    tool_calls: ToolCallRepository
    stops: StopRecords

    actions = frozenset({"disconnect", "disconnect_app", "disconnect_mount"})

    @property
    def messages(self) -> Mapping[str, Text]:
        """The messages after the actions, by key."""
        return MESSAGES

    async def context(self, session: Session, query: Parameters) -> dict[str, Any]:
        apps = await self.apps.of_subject(session.subject)
        ordered = [(app, connection) for app in apps for connection in app.connections]
        listed, page = paginated(ordered, query, "account")
        described = await self._described(connection for _, connection in listed)
        calls = await self._calls(connection for _, connection in listed)
        return {
            "apps": [self._app(app, some, described) for app, some in _regrouped(listed)],
            "page": page,
            "calls": calls,
            "stops": await self._stops(connection for _, connection in listed),
        }

    async def _calls(self, connections: Iterable[Connection]) -> dict[str, Text]:
        """Return the calls of the last seven days in words, by the id of the grant."""
        ids = [each.grant.grant_id for each in connections]
        counted = await asyncio.gather(*map(self.tool_calls.of, ids))
        return {grant_id: calls_in_words(calls) for grant_id, calls in zip(ids, counted, strict=True)}

    async def _stops(self, connections: Iterable[Connection]) -> dict[str, list[tuple[Text, str]]]:
        """Return the stops by the id of the grant, in words and with the reason of the operator."""
        records = await self.stops.all()
        return {
            each.grant.grant_id: [(stop_in_words(record), record.reason) for record in concerned]
            for each in connections
            if (concerned := concerning(records, each.grant, each.client))
        }

    async def _described(self, connections: Iterable[Connection]) -> dict[str, ResourceDescription]:
        resources = sorted({each.grant.resource for each in connections if each.grant.resource})
        described = await asyncio.gather(*map(self.descriptions.of, resources))
        return dict(zip(resources, described, strict=True))

    def _app(
        self,
        app: ConnectedApp,
        connections: Sequence[Connection],
        described: Mapping[str, ResourceDescription],
    ) -> dict[str, Any]:
        return {
            "key": app.key,
            "name": app.name,
            "domain": app.domain,
            "count": len(app.connections),
            "used": day(app.last_used_at),
            "connections": [self._connection(connection, described) for connection in connections],
        }

    def _connection(
        self, connection: Connection, described: Mapping[str, ResourceDescription]
    ) -> dict[str, Any]:
        grant = connection.grant
        description = described.get(grant.resource or "", ResourceDescription())
        return {
            "grant_id": grant.grant_id,
            "resource": self._resource_name(grant.resource),
            "since": day(grant.created_at),
            "used": day(connection.last_used_at),
            "source": grant.source,
            "sections": self._sections(grant, description),
        }

    def _sections(self, grant: Grant, description: ResourceDescription) -> list[dict[str, Any]]:
        """Return the scopes of a grant in words, in the sections of joined mounts."""
        registry = self.resource_registry
        return [
            {
                "mount": section.mount,
                "name": section.name,
                "scopes": [
                    (registry.scope_description(scope, grant.resource), scope, description.detail(scope))
                    for scope in section.scopes
                ],
            }
            for section in registry.by_mount(grant.scopes, registry.by_identifier(grant.resource))
        ]

    def _resource_name(self, resource: str | None) -> str:
        registered = self.resource_registry.by_identifier(resource)
        return registered.name if registered else resource or Text("Your account only")

    async def confirmation(self, session: Session, query: Parameters) -> Confirmation | None:
        if query.get("action") == "disconnect_app":
            return await self._confirm_app(session, query.get("app") or "")
        connection = await self.apps.connection(session.subject, query.get("grant_id") or "")
        if connection is None:
            return None
        if query.get("action") == "disconnect_mount":
            return self._confirm_mount(connection, query.get("mount") or "")
        return Confirmation(
            title=Text("Disconnect?"),
            about=self._about(connection, self._resource_name(connection.grant.resource)),
            effect=_LOSES_ACCESS,
            button=Text("Disconnect"),
            fields={"action": "disconnect", "grant_id": connection.grant.grant_id},
        )

    def _confirm_mount(self, connection: Connection, mount: str) -> Confirmation | None:
        grant = connection.grant
        resource = self.resource_registry.by_identifier(grant.resource)
        held = {section.mount: section for section in self.resource_registry.by_mount(grant.scopes, resource)}
        section = held.get(mount)
        if resource is None or section is None or section.name is None:
            return None
        changed, _ = without_mount(grant, resource, mount, _REASON)
        is_last = changed is not None and changed.state == "revoked"
        return Confirmation(
            title=Text("Disconnect?"),
            about=self._about(connection, section.name),
            effect=_LOSES_ACCESS if is_last else _LOSES_PART,
            button=Text("Disconnect"),
            fields={"action": "disconnect_mount", "grant_id": grant.grant_id, "mount": mount},
        )

    @staticmethod
    def _about(connection: Connection, place: str) -> Text:
        name = connection.client.name if connection.client else DELETED_CLIENT
        return Text("%(application)s → %(resource)s", application=name, resource=place)

    async def _confirm_app(self, session: Session, key: str) -> Confirmation | None:
        app = await self.apps.app(session.subject, key)
        if app is None:
            return None
        connections = plural_text("%(count)s connection", "%(count)s connections", len(app.connections))
        return Confirmation(
            title=Text("Disconnect all?"),
            about=Text("%(application)s: %(connections)s", application=app.name, connections=connections),
            effect=_LOSES_ACCESS,
            button=Text("Disconnect all"),
            fields={"action": "disconnect_app", "app": key},
        )

    async def act(self, session: Session, form: Parameters) -> Done:
        subject = session.subject
        if form.get("action") == "disconnect_mount":
            return await self._disconnect_mount(subject, form.require("grant_id"), form.require("mount"))
        if form.get("action") == "disconnect_app":
            ended = await self.apps.disconnect_app(subject, form.require("app"), _REASON)
        else:
            grant = await self.apps.disconnect(subject, form.require("grant_id"), _REASON)
            ended = [grant] if grant and grant.state != "revoked" else []
        for grant in ended:
            _log.info("grant revoked", grant_id=grant.grant_id, client_id=grant.client_id, by="user")
        return Done(message="app_disconnected" if form.get("action") == "disconnect_app" else "disconnected")

    async def _disconnect_mount(self, subject: str, grant_id: str, mount: str) -> Done:
        grant = await self.apps.disconnect_mount(subject, grant_id, mount, _REASON)
        if grant is not None:
            _log.info("grant narrowed", grant_id=grant_id, client_id=grant.client_id, mount=mount, by="user")
        return Done(message="mount_disconnected")


def stop_in_words(record: StopRecord) -> Text:
    """Return a stop as a sentence."""
    since = day(record.at)
    if record.kind == StopKind.TOOL:
        return Text("The operator has stopped the tool %(tool)s on %(since)s.", tool=record.name, since=since)
    return Text("The operator has stopped this on %(since)s.", since=since)


def calls_in_words(calls: DayCalls) -> Text:
    """Return the numbers of calls as a list; empty if there were none."""
    numbers = [Text("%(tool)s %(count)s", tool=each.tool, count=each.count) for each in calls.tools]
    if calls.others:
        numbers.append(Text("others %(count)s", count=calls.others))
    if calls.refused:
        numbers.append(Text("refused %(count)s", count=calls.refused))
    return listed_text(numbers)


def _regrouped(
    listed: Iterable[tuple[ConnectedApp, Connection]],
) -> Iterable[tuple[ConnectedApp, Sequence[Connection]]]:
    for _, members in groupby(listed, key=lambda pair: pair[0].key):
        pairs = list(members)
        yield pairs[0][0], [connection for _, connection in pairs]
