"""The stops that concern one connection of a person. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from auth_service.protocol.client import Client
from auth_service.protocol.grant import Grant
from auth_service.protocol.software import software_names
from auth_service.stops.records import StopRecord
from shared.stops import StopKind
from shared.uris import resource_key


def concerning(records: Iterable[StopRecord], grant: Grant, client: Client | None = None) -> list[StopRecord]:
    """Return the stops that concern a grant: of its person, client, resource, or of a tool there.

    Args:
        client: that of the grant; None if it is not registered.
    """
    software = software_names(grant.client_id, client)
    return [record for record in records if _concerns(record, grant, software)]


def _concerns(record: StopRecord, grant: Grant, software: Sequence[str]) -> bool:
    match record.kind:
        case StopKind.PERSON:
            return record.name == grant.subject
        case StopKind.CLIENT:
            return record.name == grant.client_id
        case StopKind.SOFTWARE:
            return record.name in software
        case StopKind.MOUNT:
            return _is_same(record.name, grant.resource)
        case _:
            return grant.resource is not None and (
                record.resource is None or _is_same(record.resource, grant.resource)
            )


def _is_same(url: str, resource: str | None) -> bool:
    return resource is not None and resource_key(url) == resource_key(resource)
