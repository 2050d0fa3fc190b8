"""Creates the endpoints that resource servers call, for `routes`."""

from __future__ import annotations

from auth_service.connected_accounts.disconnections import Disconnections
from auth_service.definitions.approved import ApprovedDefinitions
from auth_service.definitions.reported import ReportedDefinitions
from auth_service.endpoints.definitions import DefinitionsEndpoint
from auth_service.endpoints.events import EventsEndpoint
from auth_service.endpoints.introspect import IntrospectEndpoint
from auth_service.endpoints.revocations import RevocationsEndpoint
from auth_service.events.signing import SignedEvents
from auth_service.journal.quota import DeliveryQuota
from auth_service.journal.received import ReceivedChains
from auth_service.stops.for_callers import StopsForCallers
from auth_service.stops.records import StopRecords
from auth_service.wiring.components import Components


def introspect(parts: Components) -> IntrospectEndpoint:
    """Create `/introspect`."""
    return IntrospectEndpoint(
        callers=parts.client_auth.introspection_callers,
        tokens=parts.grants.token_reader,
        subjects=parts.users.client_subjects,
        clients=parts.clients.repository,
        signing_keys=parts.base.signing_keys,
        clock=parts.base.clock,
        issuer=parts.base.settings.issuer,
        grace_s=parts.base.settings.refresh_grace_s,
        networks=parts.page_context.networks,
    )


def revocations(parts: Components) -> RevocationsEndpoint:
    """Create `/revocations`, the feed."""
    signed = SignedEvents(parts.base.signing_keys, parts.base.settings.issuer)
    alerting = parts.base.alerting
    lost = None if alerting is None else alerting.sources.feed_lost
    return RevocationsEndpoint(
        callers=parts.client_auth.introspection_callers,
        revocation_stream=parts.revocation_stream,
        signed=signed,
        stops=StopsForCallers(StopRecords(parts.base.store), parts.users.client_subjects),
        disconnections=Disconnections(parts.base.store, parts.base.clock),
        approved=ApprovedDefinitions(parts.base.store, parts.base.clock),
        lost=lost,
    )


def events(parts: Components) -> EventsEndpoint:
    """Create `/events`, which receives the journals of resource servers."""
    base = parts.base
    return EventsEndpoint(
        callers=parts.client_auth.introspection_callers,
        tool_calls=parts.grants.tool_calls,
        received=ReceivedChains(base.store, base.journal, base.clock),
        own_head=lambda: base.journal.stored_head,
        quota=DeliveryQuota(
            base.store,
            base.settings.journal_delivery_bytes_per_hour,
            base.alerting.sources.quota_exceeded if base.alerting else None,
        ),
    )


def definitions(parts: Components) -> DefinitionsEndpoint:
    """Create `/definitions`, which receives what resource servers hold."""
    return DefinitionsEndpoint(
        callers=parts.client_auth.introspection_callers,
        reported=ReportedDefinitions(parts.base.store, parts.base.clock),
        approved=ApprovedDefinitions(parts.base.store, parts.base.clock),
    )
