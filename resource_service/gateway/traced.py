"""Records requests to the MCP server behind the guard, and tells it which trace they are a part of.

In the `traceparent` header, and, if the request is recorded, in `_meta` of its messages as well (SEP-414),
which is the only way over stdio. Without a header, the `_meta` of the client names the parent.
"""

from __future__ import annotations

from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from resource_service.errors import Refusal
from resource_service.messages.exact_json import dumps, loads
from resource_service.messages.media_type import described_as_json
from shared.asgi import read_body, replay
from shared.traces.calls import client_span
from shared.traces.current import Trace, outgoing
from shared.traces.traceparent import HEADER, HEADER_NAME, STATE_NAME, parse_traceparent

_NAMED = b'"traceparent"'


def traced_upstream(app: ASGIApp, trace: Trace, mount: str, *, max_body_bytes: int) -> ASGIApp:
    """Return the MCP server `app` for one request.

    Args:
        trace: that of the request.
        mount: the path of the resource.
    """

    async def traced(scope: Scope, receive: Receive, send: Send) -> None:
        body = None
        if scope["method"] == "POST":
            body = await read_body(scope, receive, max_body_bytes=max_body_bytes)
            if trace.remote is None and _NAMED in body:
                _join(trace, loads(body))
        with client_span("upstream", **{"doorward.mount": mount}) as inside:
            traceparent = outgoing(inside) or ""
            scope = _with_header(scope, traceparent, keeps_state=trace.remote is not None)
            if body is not None:
                if trace.sampled:
                    body = dumps(with_meta(loads(body), traceparent))
                    scope = described_as_json(scope, body)
                receive = replay(body, receive)
            try:
                await app(scope, receive, send)
            except Refusal as refusal:
                if inside is not None:
                    inside.attributes["doorward.reason_code"] = refusal.reason.code
                raise

    return traced


def with_meta(parsed: object, traceparent: str) -> object:
    """Return a message, or a batch, whose requests and notifications name the span that they are a part of.

    A message whose parameters are not an object stays as it is.
    """
    if isinstance(parsed, list):
        return [with_meta(each, traceparent) for each in parsed]
    if not isinstance(parsed, dict) or not isinstance(parsed.get("method"), str):
        return parsed
    params = parsed.get("params", {})
    meta = params.get("_meta", {}) if isinstance(params, dict) else None
    if not isinstance(meta, dict):
        return parsed
    return {**parsed, "params": {**params, "_meta": {**meta, HEADER: traceparent}}}


def _join(trace: Trace, parsed: object) -> None:
    """Make the request a part of the trace that its only message names."""
    match parsed:
        case {"params": {"_meta": {"traceparent": str(text)}}}:
            parent = parse_traceparent(text)
            if parent is not None:
                # What this process has decided for the request stays decided.
                trace.join(parent, sampled=trace.sampled and parent.sampled)


def _with_header(scope: Scope, traceparent: str, *, keeps_state: bool) -> Scope:
    dropped = {HEADER_NAME} if keeps_state else {HEADER_NAME, STATE_NAME}
    headers: list[Any] = [field for field in scope["headers"] if field[0] not in dropped]
    return {**scope, "headers": [*headers, (HEADER_NAME, traceparent.encode())]}
