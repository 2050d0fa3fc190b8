"""Remembered consents, each valid for exactly what was approved (AS-9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from auth_service.protocol.authorization import AuthorizationRequest
from auth_service.protocol.client import Client
from auth_service.protocol.interaction import Approval
from auth_service.storage import keys
from auth_service.users.account_reading import account_reading
from auth_service.users.repository import UserRepository
from auth_service.users.sessions import Session
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import READ_OFTEN, JsonCodec
from shared.storage.readings import NOTHING, Reading, read_together
from shared.uris import resource_key

R = TypeVar("R")

_MOST = 20


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """The approvals of one subject for one client, newest first."""

    approvals: list[dict[str, Any]]


class ConsentRepository:
    """The remembered consents in the store."""

    def __init__(self, store: Store, users: UserRepository, ttl_s: int) -> None:
        self._store = store
        self._users = users
        self._records = Collection(
            store, _key, JsonCodec(ConsentRecord, compressed=True, remembered=READ_OFTEN), lambda _: ttl_s
        )

    async def approvals(self, session: Session, client: Client) -> tuple[Approval, ...]:
        """Return the approvals of the person in `session` for the client that were not forgotten.

        A client with a metadata document can be deleted here and later return under the same id. Its earlier
        approvals are then not valid, in whatever way it was deleted.
        """
        approvals, _ = await self.approvals_with(session, client, NOTHING)
        return approvals

    async def approvals_with(
        self, session: Session, client: Client, other: Reading[R]
    ) -> tuple[tuple[Approval, ...], R]:
        """Return the approvals, and what `other` reads, from one exchange with the store."""
        record, user, result = await read_together(
            self._store,
            self._records.reading(_id(session.subject, client.client_id)),
            account_reading(session.subject, session.username),
            other,
        )
        if record is not None and user is None:  # deleted, or renamed since the login
            user = await self._users.by_subject(session.subject)
        if record is None or user is None:
            return (), result
        return tuple(
            _approval(each)
            for each in record.approvals
            if each.get("instance", "") == client.instance
            and user.remembers_consent(each.get("epoch", 0), each.get("session_id"))
        ), result

    async def remember(
        self, session: Session, request: AuthorizationRequest, scopes: tuple[str, ...], client: Client
    ) -> None:
        """Record that the person in `session` approved `scopes` of the `request` of `client`."""
        access = {
            "redirect_uri": request.redirect_uri,
            "resource": request.resource,
            "scopes": list(scopes),
            "instance": client.instance,
        }
        approved = {**access, "epoch": session.consent_epoch, "session_id": session.session_id}

        def rule(record: ConsentRecord) -> tuple[ConsentRecord | None, bool]:
            if approved in record.approvals:
                return None, True
            # Stored once for the same access, even if many sessions approve it.
            others = [each for each in record.approvals if {**each, **access} != each]
            return ConsentRecord([approved, *others][:_MOST]), True

        record_id = _id(session.subject, request.client_id)
        while not await self._records.update(record_id, rule):
            if await self._records.create(record_id, ConsentRecord([approved])):
                return

    async def forget(self, subject: str, client_id: str) -> None:
        """Forget what `subject` has approved for the client."""
        await self._records.delete(_id(subject, client_id))

    async def forget_scopes(
        self, subject: str, client_id: str, resource: str, is_over: Callable[[str], bool]
    ) -> None:
        """Forget the scopes of `resource` that `subject` has approved for the client and that are over."""
        key = resource_key(resource)

        def rule(record: ConsentRecord) -> tuple[ConsentRecord | None, bool]:
            kept = [_without(each, key, is_over) for each in record.approvals]
            return ConsentRecord([each for each in kept if each["scopes"]]), True

        await self._records.update(_id(subject, client_id), rule)


def _id(subject: str, client_id: str) -> str:
    return f"{subject} {client_id}"


def _key(record_id: str) -> str:
    subject, _, client_id = record_id.partition(" ")
    return keys.consent(subject, client_id)


def _approval(members: dict[str, Any]) -> Approval:
    return Approval(members["redirect_uri"], members["resource"], tuple(members["scopes"]))


def _without(approved: dict[str, Any], key: str, is_over: Callable[[str], bool]) -> dict[str, Any]:
    if approved["resource"] is None or resource_key(approved["resource"]) != key:
        return approved
    return {**approved, "scopes": [scope for scope in approved["scopes"] if not is_over(scope)]}
