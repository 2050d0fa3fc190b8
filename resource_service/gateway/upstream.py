"""One exchange with an upstream that speaks HTTP: the request, and all possible failures."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import httpx2

from resource_service.errors import Refusal
from resource_service.gateway.errors import (
    failed,
    malformed_request,
    redirects,
    refuses_host,
    silent,
    too_busy,
    unreachable,
)
from resource_service.gateway.slash_redirect import slash_redirect
from resource_service.reasons import Reason
from resource_service.targets import HttpTarget
from shared.logs import get_logger
from shared.once import Once

CLOSE_WITHIN_S = 5.0

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Upstream:
    """The server at `target`.

    Attributes:
        http: a client without cookies and redirects; its timeouts are the policy.
    """

    http: httpx2.AsyncClient
    target: HttpTarget
    _announced: Once = field(default_factory=Once)

    @asynccontextmanager
    async def answer_to(self, request: httpx2.Request) -> AsyncIterator[httpx2.Response]:
        """Send a request, and yield the response with an unread body.

        Raises:
            Refusal: the upstream sends no response, or none that concerns the request.
        """
        response = await self._sent(request)
        if url := self._slashed(response):
            await _close(response)
            self._announce(response, url)
            response = await self._sent(
                httpx2.Request(request.method, url, headers=request.headers, content=request.content)
            )
        try:
            self._check(response)
            yield response
        finally:
            await _close(response)

    def failure(self, error: Exception) -> Refusal:
        """Convert an exception of the HTTP client into a refusal."""
        detail = f"{self.target.log_name}: {type(error).__name__} {error}"
        match error:
            case httpx2.PoolTimeout():
                return too_busy(f"{self.target.log_name}: DOORWARD_UPSTREAM_CONNECTIONS is reached")
            case httpx2.ConnectError() | httpx2.ConnectTimeout():
                return unreachable(detail)
            case httpx2.TimeoutException():
                return silent(detail)
            case _:
                return failed(Reason.UPSTREAM_BROKE_OFF, detail)

    def refused_host(self, status: int) -> Refusal:
        """Return the refusal for an upstream that accepts only other host names."""
        return refuses_host(
            f"{self.target.log_name}: refuses the Host {self.target.authority!r} with {status}"
        )

    async def _sent(self, request: httpx2.Request) -> httpx2.Response:
        try:
            return await self.http.send(request, stream=True, auth=None)
        except httpx2.LocalProtocolError as error:
            raise malformed_request(
                Reason.NOT_FORWARDABLE, 400, "A header contains invalid characters."
            ) from error
        except httpx2.HTTPError as error:
            raise self.failure(error) from error

    def _slashed(self, response: httpx2.Response) -> str | None:
        location = response.headers.get("location")
        if location is None:
            return None
        return slash_redirect(
            str(response.request.url), response.status_code, location, self.target.authority
        )

    def _announce(self, response: httpx2.Response, url: str) -> None:
        if self._announced.first(self.target):
            _log.info(
                "the upstream redirects to add or remove a slash, which doubles every request: correct "
                "DOORWARD_UPSTREAM",
                upstream=self.target.log_name,
                status=response.status_code,
                location=url.partition("?")[0],
            )

    def _check(self, response: httpx2.Response) -> None:
        """Refuse responses that are between the gateway and the upstream only.

        A 401 is about the upstream's credential; a client would discard its token because of it. A redirect
        names an address that clients may not know, and might send their tokens to.
        """
        status = response.status_code
        if status in (401, 407):
            raise failed(
                Reason.UPSTREAM_CREDENTIALS_REFUSED,
                f"{self.target.log_name}: rejects the credentials of the gateway with {status}",
            )
        if status == 421:
            raise self.refused_host(status)
        if 300 <= status < 400 and "location" in response.headers:
            raise redirects(f"{self.target.log_name}: answers {status}, to {response.headers['location']}")
        if not (200 <= status < 300 or 400 <= status < 600):
            raise failed(Reason.UPSTREAM_STATUS_INVALID, f"{self.target.log_name}: answers {status}")


async def _close(response: httpx2.Response) -> None:
    with anyio.move_on_after(CLOSE_WITHIN_S, shield=True):
        await response.aclose()
