"""Warn about requests for another host name than the public one: often the reason why a login fails."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from shared.asgi.headers import header_values
from shared.logs import get_logger
from shared.once import Once
from shared.reasons import CommonReason
from shared.uris import serialize_origin

HEALTH = "/health"
INTERNAL_AGENT = "doorward-resource-server"
"""How the resource server names itself (``User-Agent``): it may come by an internal name."""

MAX_SHOWN = 200

_log = get_logger(__name__)


class OtherHosts:
    """Log each other host name once, with the setting to change. The response stays the same.

    All URLs come from the settings. A host name set by a proxy is not logged if the proxy passes the public
    one on in ``X-Forwarded-Host``. Health probes and requests of our own resource server are not logged.

    Args:
        public_url: of the service. setting: the variable that holds it.
    """

    def __init__(self, app: ASGIApp, *, public_url: str, setting: str) -> None:
        self.app = app
        self._public_url = public_url
        self._scheme = urlsplit(public_url).scheme
        self._origin = serialize_origin(urlsplit(public_url))
        self._setting = setting
        self._once = Once()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self._note(scope)
        await self.app(scope, receive, send)

    def _note(self, scope: Scope) -> None:
        hosts = header_values(scope, "host")
        named = [*hosts, *header_values(scope, "x-forwarded-host")]
        if not hosts or any(self._is_public(host) for host in named) or _is_internal(scope):
            return
        host = hosts[0].lower()[:MAX_SHOWN]
        if self._once.first(host):
            _log.warning(
                "a request came for another host name than the public one",
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


def _is_internal(scope: Scope) -> bool:
    agents = header_values(scope, "user-agent")
    return scope["path"].endswith(HEALTH) or any(agent.startswith(INTERNAL_AGENT) for agent in agents)
