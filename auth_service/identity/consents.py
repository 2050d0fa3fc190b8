"""Consents given before, remembered for exactly what they were given for (AS-9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auth_service.protocol.authorization import AuthorizationRequest
from auth_service.protocol.interaction import Approval
from auth_service.storage import keys
from auth_service.storage.documents import Collection
from auth_service.storage.interface import Store
from auth_service.storage.json_codec import JsonCodec

_MOST = 20


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """What one subject approved for one client, newest first."""

    approvals: list[dict[str, Any]]


class Consents:
    """The consents in a store."""

    def __init__(self, store: Store, ttl_s: int) -> None:
        self._records = Collection(store, _key, JsonCodec(ConsentRecord), lambda _: ttl_s)

    async def of(self, subject: str, client_id: str) -> tuple[Approval, ...]:
        """What `subject` has approved for the client."""
        record = await self._records.get(_id(subject, client_id))
        return tuple(_approval(members) for members in record.approvals) if record else ()

    async def remember(self, subject: str, request: AuthorizationRequest, scopes: tuple[str, ...]) -> None:
        """Record that `subject` approved `scopes` of `request`."""
        approved = {
            "redirect_uri": request.redirect_uri,
            "resource": request.resource,
            "scopes": list(scopes),
        }

        def rule(record: ConsentRecord) -> tuple[ConsentRecord | None, bool]:
            if approved in record.approvals:
                return None, True
            return ConsentRecord([approved, *record.approvals][:_MOST]), True

        record_id = _id(subject, request.client_id)
        while not await self._records.update(record_id, rule):
            if await self._records.create(record_id, ConsentRecord([approved])):
                return

    async def forget(self, subject: str, client_id: str) -> None:
        """Take back what `subject` has approved for the client."""
        await self._records.delete(_id(subject, client_id))


def _id(subject: str, client_id: str) -> str:
    return f"{subject} {client_id}"


def _key(record_id: str) -> str:
    subject, _, client_id = record_id.partition(" ")
    return keys.consent(subject, client_id)


def _approval(members: dict[str, Any]) -> Approval:
    return Approval(members["redirect_uri"], members["resource"], tuple(members["scopes"]))
