"""One exchange with an upstream that speaks HTTP: the request, and all possible failures."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from urllib.parse import urlsplit

from resource_service.errors import Refusal
from resource_service.gateway.errors import (
    failed,
    malformed_request,
    redirects,
    refuses_host,
    silent,
    too_busy,
    unauthorized,
    unreachable,
)
from resource_service.gateway.slash_redirect import slash_redirect
from resource_service.reasons import Reason
from resource_service.targets import HttpTarget
from shared.http1 import (
    BusyError,
    Client,
    ConnectError,
    ExchangeError,
    InvalidRequestError,
    Request,
    Response,
    SilentError,
    target_of,
)
from shared.logs import get_logger
from shared.once import Once

_log = get_logger(__name__)


@dataclass(frozen=True)
class Upstream:
    """The server at `target`.

    Attributes:
        http: its connections; its timeouts are the policy.
    """

    http: Client
    target: HttpTarget
    _announced: Once = field(default_factory=Once)

    @cached_property
    def path(self) -> bytes:
        """The path of every request, with the configured query."""
        return target_of(self.target.url)

    async def answer_to(self, request: Request) -> Response:
        """Send a request, and return the response with an unread body, which must be closed.

        Raises:
            Refusal: the upstream sends no response, or none that concerns the request.
        """
        response = await self._sent(request)
        if url := self._slashed(request, response):
            response.close()
            self._announce(response, url)
            response = await self._sent(replace(request, target=target_of(url)))
        try:
            self._check(response)
        except Refusal:
            response.close()
            raise
        return response

    def failure(self, error: ExchangeError) -> Refusal:
        """Convert an error of the exchange into a refusal."""
        detail = f"{self.target.log_name}: {error}"
        match error:
            case BusyError():
                return too_busy(f"{self.target.log_name}: DOORWARD_UPSTREAM_CONNECTIONS is reached")
            case ConnectError():
                return unreachable(detail)
            case SilentError():
                return silent(detail)
            case _:
                return failed(Reason.UPSTREAM_BROKE_OFF, detail)

    def refused_host(self, status: int) -> Refusal:
        """Return the refusal for an upstream that accepts only other host names."""
        return refuses_host(
            f"{self.target.log_name}: refuses the Host {self.target.authority!r} with {status}"
        )

    async def _sent(self, request: Request) -> Response:
        try:
            return await self.http.send(request)
        except InvalidRequestError as error:
            raise malformed_request(
                Reason.NOT_FORWARDABLE, 400, f"The request cannot be forwarded: {error}."
            ) from error
        except ExchangeError as error:
            raise self.failure(error) from error

    def _slashed(self, request: Request, response: Response) -> str | None:
        location = response.header(b"location")
        if location is None:
            return None
        requested = urlsplit(self.target.url)
        url = f"{requested.scheme}://{requested.netloc}{request.target.decode('ascii')}"
        return slash_redirect(url, response.status, location, self.target.authority)

    def _announce(self, response: Response, url: str) -> None:
        if self._announced.first(self.target):
            _log.info(
                "the upstream redirects to add or remove a slash, which doubles every request: correct "
                "DOORWARD_UPSTREAM",
                upstream=self.target.log_name,
                status=response.status,
                location=url.partition("?")[0],
            )

    def _check(self, response: Response) -> None:
        """Refuse responses that are between the gateway and the upstream only.

        A 401 is about the upstream's credential; a client would discard its token because of it. A redirect
        names an address that clients may not know, and might send their tokens to.
        """
        status = response.status
        if status == 401:
            raise unauthorized(f"{self.target.log_name}: rejects the credentials of the gateway with 401")
        if status == 407:
            raise failed(
                Reason.UPSTREAM_CREDENTIALS_REFUSED,
                f"{self.target.log_name}: rejects the credentials of the gateway with {status}",
            )
        if status == 421:
            raise self.refused_host(status)
        location = response.header(b"location") if 300 <= status < 400 else None
        if location is not None:
            raise redirects(f"{self.target.log_name}: answers {status}, to {location}")
        if not (200 <= status < 300 or 400 <= status < 600):
            raise failed(Reason.UPSTREAM_STATUS_INVALID, f"{self.target.log_name}: answers {status}")
