"""The subject who gives a grant, as the grant records it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any

from auth_service.protocol.request_source import RequestSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The subject who gives a grant, and how the subject was authenticated.

    Attributes:
        auth_time_known: see `Session`.
        assertion_issuer: the trusted issuer that asserts the subject; None for a user of this server.
        session_key: the store's key of the login session; None without one.
        acr, amr: how the person logged in (RFC 8176); None for a password, empty if unknown.
        provider_id: the identity provider of the login; None for a password.
        source: the network and browser of the decision; None without a browser.
    """

    subject: str
    username: str | None = None
    session_id: str | None = None
    auth_time: int | None = None
    auth_time_known: bool = True
    assertion_issuer: str | None = field(default=None, metadata={"stored_as": "vouched_by"})
    session_key: str | None = None
    acr: str | None = None
    provider_id: str | None = None
    amr: tuple[str, ...] = ()
    source: RequestSource | None = None

    def members(self) -> dict[str, Any]:
        """Return the attributes as members of a grant."""
        return dict(zip(_NAMES, _values_of(self), strict=True))


_NAMES = tuple(each.name for each in fields(Owner))
_values_of = attrgetter(*_NAMES)
