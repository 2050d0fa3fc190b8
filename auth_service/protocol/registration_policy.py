"""Who may register, with which metadata (RFC 7591 §3, AS-7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from auth_service.protocol.errors import InvalidRedirectUriError
from auth_service.protocol.reasons import Reason
from auth_service.protocol.redirect_uris import RedirectUriType, redirect_uri_type
from shared.uris import Network


class RegistrationMode(Enum):
    """Who may register."""

    OPEN = "open"
    TOKEN = "token"  # noqa: S105 -- a name: who has an initial access token
    STATEMENT = "statement"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class RedirectHosts:
    """The web hosts that codes may be sent to.

    Attributes:
        allowed: host globs; empty for all.
        denied: host globs; they take precedence over `allowed`.
        http_networks: private networks on whose addresses the operator allows plain http.
    """

    allowed: Sequence[str] = ()
    denied: Sequence[str] = ()
    http_networks: Sequence[Network] = ()

    def check(self, redirect_uris: Iterable[str]) -> None:
        """Check web redirect URIs against the lists; loopback and app schemes have no host.

        Raises:
            InvalidRedirectUriError: a redirect URI is not allowed.
        """
        if not self.allowed and not self.denied:
            return
        for uri in redirect_uris:
            host = (urlsplit(uri).hostname or "").lower()
            if redirect_uri_type(uri) in (
                RedirectUriType.WEB,
                RedirectUriType.PRIVATE_NETWORK,
            ) and not self._allows(host):
                raise InvalidRedirectUriError(
                    Reason.REDIRECT_HOST_NOT_ALLOWED, f"the operator does not allow redirects to {host}"
                )

    def _allows(self, host: str) -> bool:
        if any(fnmatchcase(host, pattern) for pattern in self.denied):
            return False
        return not self.allowed or any(fnmatchcase(host, pattern) for pattern in self.allowed)


@dataclass(frozen=True, slots=True)
class Quota:
    """How many clients may be registered at a time.

    Attributes:
        clients: the total; clients in use are kept and may return even if there are more.
        unused: the maximum without any grant so far. The rest is reserved for clients in use, so that a flood
            of registrations does not crowd out anyone who works with a client.
    """

    clients: int
    unused: int

    @classmethod
    def with_unused_share(cls, clients: int, *, unused_percent: int) -> Quota:
        """Return a quota of `clients`, of which `unused_percent` may be unused."""
        return cls(clients, max(1, clients * unused_percent // 100))


@dataclass(frozen=True, slots=True)
class InitialAccessToken:
    """A permission to register (RFC 7591 §1.2).

    Attributes:
        expires_at: seconds since 1970.
        made_at: creation time, in seconds since 1970.
        made_by: the administrator; None if created by the command.
    """

    uses_left: int
    expires_at: int
    made_at: int = 0
    made_by: str | None = None


def use_up(token: InitialAccessToken, now: int) -> tuple[InitialAccessToken | None, bool]:
    """Take one use; return whether one was left."""
    if token.uses_left < 1 or now >= token.expires_at:
        return None, False
    return replace(token, uses_left=token.uses_left - 1), True
