"""Formats connected identities, for the pages of their owners and for the console."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from auth_service.federation.identities import Identity
from auth_service.protocol.identity_providers import IdentityProvider


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownIdentity:
    """An identity as the pages show it.

    Attributes:
        provider: the provider's name; its id if it is no longer configured.
        name: the person's name at the provider.
        since, last: dates; `last` is None if the identity was never used.
    """

    identity_id: str
    provider: str
    name: str
    since: str
    last: str | None


def shown_identities(
    identities: Iterable[Identity], providers: Sequence[IdentityProvider]
) -> list[ShownIdentity]:
    """Return the identities as the pages show them."""
    labels = {provider.provider_id: provider.label for provider in providers}
    return [
        ShownIdentity(
            identity_id=identity.identity_id,
            provider=labels.get(identity.provider_id, identity.provider_id),
            name=identity.name or identity.provider_subject,
            since=_date(identity.connected_at),
            last=_date(identity.seen_at) if identity.seen_at else None,
        )
        for identity in identities
    ]


def _date(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")
