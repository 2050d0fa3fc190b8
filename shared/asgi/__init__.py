"""ASGI middleware that both services put around every request.

Owns: the request id, the response headers of every response, request limits, CORS, error pages for
browsers, and the response to an unhandled exception. Leaves to the services: authorization, and every
response that has a meaning in OAuth.

`DirectRoutes` answers ordinary requests of programs before all this middleware; `direct_protocol` makes
uvicorn pass them on without ASGI messages.

Outermost first: `FrozenHeaders`, `RequestId`, `SecurityHeaders`, `BrowserPages`, `UnhandledErrors`,
`HeadLimit`, `OtherHosts`, `Cors`, `BodyLimit`. Pass these classes to `starlette.middleware.Middleware`; each
documents its arguments.
"""

from shared.asgi.accept import asks_for_page
from shared.asgi.body import BodyLimit, BodyTooLargeError, read_body, replay
from shared.asgi.browser_pages import BrowserPages, Refused
from shared.asgi.cors import Cors, CorsPolicy
from shared.asgi.direct_routes import HEAD_FACTS, DirectRoute, DirectRoutes, Immediate, Waiting
from shared.asgi.errors import UnhandledErrors
from shared.asgi.frozen_headers import FrozenHeaders
from shared.asgi.head import HeadLimit
from shared.asgi.headers import SecurityHeaders, first_header, header_values
from shared.asgi.other_hosts import HostNames, OtherHosts
from shared.asgi.prefix import Prefix
from shared.asgi.prepared_head import FixedHead
from shared.asgi.request_id import RequestId
from shared.asgi.responses import (
    FixedHeadResponse,
    WholeResponse,
    error_response,
    http_error,
    method_not_allowed,
    not_found,
    refusal_response,
)

__all__ = [
    "HEAD_FACTS",
    "BodyLimit",
    "BodyTooLargeError",
    "BrowserPages",
    "Cors",
    "CorsPolicy",
    "DirectRoute",
    "DirectRoutes",
    "FixedHead",
    "FixedHeadResponse",
    "FrozenHeaders",
    "HeadLimit",
    "HostNames",
    "Immediate",
    "OtherHosts",
    "Prefix",
    "Refused",
    "RequestId",
    "SecurityHeaders",
    "UnhandledErrors",
    "Waiting",
    "WholeResponse",
    "asks_for_page",
    "error_response",
    "first_header",
    "header_values",
    "http_error",
    "method_not_allowed",
    "not_found",
    "read_body",
    "refusal_response",
    "replay",
]
