"""Warns about requests for another host name than the public one, often the cause of a failed login."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from shared.asgi.headers import header_values
from shared.asgi.repeated_fields import RawFields, derived
from shared.logs import get_logger
from shared.once import Once
from shared.reasons import CommonReason
from shared.uris import serialize_origin

PROBED = ("/health", "/live", "/ready")
INTERNAL_AGENT = "doorward-resource-server"
"""The ``User-Agent`` of the resource server, which may use an internal host name."""

MAX_SHOWN = 200
MAX_SETTLED = 64
"""The maximum number of remembered host spellings, which strangers may choose."""

_log = get_logger(__name__)


class HostNames:
    """The host names of requests; logs each one that differs from the public one once.

    All URLs come from the settings. A host name set by a proxy is not logged if the proxy passes the public
    one on in ``X-Forwarded-Host``. Health probes and requests of our own resource server are not logged.

    Args:
        public_url: of the service. setting: the variable that holds it.
    """

    def __init__(self, *, public_url: str, setting: str) -> None:
        self._public_url = public_url
        self._scheme = urlsplit(public_url).scheme
        self._origin = serialize_origin(urlsplit(public_url))
        self._settled = {urlsplit(public_url).netloc.encode()}
        self._setting = setting
        self._once = Once()

    def note(self, scope: Scope) -> None:
        """Log the host name of a request, unless it is the public one or was logged before."""
        raw = derived(scope["headers"], _first_host)
        if raw in self._settled:
            return
        hosts = header_values(scope, "host")
        if not hosts or _is_internal(scope):
            return
        if any(self._is_public(host) for host in header_values(scope, "x-forwarded-host")):
            return
        if len(self._settled) < MAX_SETTLED:
            self._settled.add(raw)
        host = hosts[0].lower()[:MAX_SHOWN]
        if not self._is_public(host) and self._once.first(host):
            _log.warning(
                "a request named another host than the public URL",
                reason_code=CommonReason.OTHER_HOST_NAME.code,
                host=host,
                public_url=self._public_url,
                setting=self._setting,
            )

    def _is_public(self, host: str) -> bool:
        try:
            parts = urlsplit(f"{self._scheme}://{host.partition(',')[0].strip()}")
            return serialize_origin(parts) == self._origin
        except ValueError:
            return False


class OtherHosts:
    """Log requests for other host names than the public one; the response stays the same."""

    def __init__(self, app: ASGIApp, *, names: HostNames) -> None:
        self.app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self._names.note(scope)
        await self.app(scope, receive, send)


def _is_internal(scope: Scope) -> bool:
    agents = header_values(scope, "user-agent")
    return scope["path"].endswith(PROBED) or any(agent.startswith(INTERNAL_AGENT) for agent in agents)


def _first_host(fields: RawFields) -> bytes:
    return next((value for name, value in fields if name == b"host"), b"")
