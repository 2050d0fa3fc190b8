"""Request headers that repeat parts of a message (MCP 2026-07-28, SEP-2243): they must agree with it. Pure.

Intermediaries may decide by these headers, as this service decides by the message. The rule is the same for
every transport and for the built-in server; the SDK decodes the values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mcp.shared.inbound import NAME_BEARING_METHODS
from mcp_types import PROTOCOL_VERSION_META_KEY
from mcp_types.jsonrpc import HEADER_MISMATCH
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from resource_service.messages.jsonrpc import Posted, object_in
from resource_service.messages.mcp_parameters import PARAM, Declared, contradictions, decoded, violations
from shared.asgi.repeated_fields import RawFields, derived

__all__ = ["HEADER_MISMATCH", "HeaderMismatchError", "ToolCall", "check_headers"]

VERSION, METHOD, NAME = "mcp-protocol-version", "mcp-method", "mcp-name"
_NAMING = ("name", "uri", "taskId")
"""Members of params that may name the object of a method; only some methods determine which one."""

# "Value Encoding" of the specification: other characters must be encoded; raw ones are ambiguous.
_PLAIN = re.compile(r"[\t\x20-\x7e]*")


class HeaderMismatchError(ValueError):
    """A header is missing, repeated, or contradicts the body; the message says which.

    Args:
        request_id: the id of the request, or None.
    """

    def __init__(self, says: str, request_id: object) -> None:
        super().__init__(says)
        self.request_id = request_id if isinstance(request_id, str | int) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A tool call whose headers depend on the schema of its tool.

    Attributes:
        meta: the `_meta` of the request, which contains the caller's revision and capabilities.
        headers: by name in lower case.
    """

    request_id: object
    tool: str
    arguments: Mapping[str, Any] = field(repr=False)
    meta: Mapping[str, Any] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)

    def check(self, declared: Declared) -> None:
        """Check the headers against what the tool's schema declares.

        Raises:
            HeaderMismatchError: a header is missing, or differs from the argument that it repeats.
        """
        if reason := next(violations(declared, self.headers, self.arguments), None):
            raise HeaderMismatchError(reason, self.request_id)


def check_headers(fields: Iterable[tuple[bytes, bytes]], posted: Posted) -> ToolCall | None:
    """Check the headers against the messages of a POST.

    Returns:
        the call that remains to be checked against its tool's schema, if any.

    Raises:
        HeaderMismatchError: the headers contradict the body in any revision, or lack what 2026-07-28
            requires.
    """
    message = posted.messages[0] if posted.messages and not posted.is_batch else None
    request = message if isinstance(message, dict) else {}
    named = derived(fields, _named)
    reason = named.fault or next(_mismatches(named, request, posted), None)
    if reason is not None:
        raise HeaderMismatchError(reason, request.get("id"))
    return _tool_call(named.headers, request)


class _Named(NamedTuple):
    """The header fields of a request by name.

    Attributes:
        headers: by name in lower case.
        parameters: the names of those that repeat an argument.
        fault: what is unclear about them; empty if nothing is.
    """

    headers: Mapping[str, str]
    parameters: Sequence[str]
    fault: str


def _named(fields: RawFields) -> _Named:
    headers: dict[str, str] = {}
    fault = next(_unclear(fields, headers), "")
    return _Named(headers, [name for name in headers if name.startswith(PARAM)], fault)


def _mismatches(named: _Named, message: Mapping[str, Any], posted: Posted) -> Iterator[str]:
    """Yield what contradicts the message."""
    headers, params = named.headers, object_in(message, "params")
    yield from _version(headers, posted.messages)
    required = _requires_headers(headers, posted)
    yield from _standard(headers, message, params, required=required)
    if named.parameters:
        arguments = params.get("arguments") if message.get("method") == "tools/call" else None
        yield from contradictions(headers, arguments if isinstance(arguments, dict) else {})


def _unclear(fields: Iterable[tuple[bytes, bytes]], headers: dict[str, str]) -> Iterator[str]:
    for raw_name, raw in fields:
        name = _PLAIN_NAMES.get(raw_name) or _name_of(raw_name)
        value = raw.decode("latin-1")
        if name in (VERSION, METHOD, NAME) or name.startswith(PARAM):
            if name in headers:
                yield f"The {name} header appears more than once."
            if not _PLAIN.fullmatch(value):
                yield f"The {name} header contains a character that must be encoded."
        headers[name] = value


def _name_of(raw: bytes) -> str:
    # CGI does not distinguish hyphens and underscores, so some readers see one header here.
    return raw.decode("latin-1").lower().replace("_", "-")


_PLAIN_NAMES = {
    name.encode(): name
    for name in (
        *(VERSION, METHOD, NAME, "accept", "accept-encoding", "accept-language", "authorization"),
        *("connection", "content-length", "content-type", "host", "mcp-session-id", "user-agent"),
    )
}
"""Common names, whose text need not be built."""


def _version(headers: Mapping[str, str], messages: Iterable[object]) -> Iterator[str]:
    """Check that header and body agree if both name a revision; a newer revision requires the header."""
    named = headers.get(VERSION)
    for message in messages:
        stated = _stated_version(object_in(message, "params"))
        if stated is None or stated == named:
            continue
        if named is not None or _is_request(message):
            yield f"The {VERSION} header does not match the version in the body."


def _standard(
    headers: Mapping[str, str], message: Mapping[str, Any], params: Mapping[str, Any], *, required: bool
) -> Iterator[str]:
    method = message.get("method")
    if (METHOD in headers and headers[METHOD] != method) or (METHOD not in headers and required):
        yield f"The {METHOD} header does not match the method in the body."
    key = NAME_BEARING_METHODS.get(method) if isinstance(method, str) else None
    named = [params[name] for name in ((key,) if key else _NAMING) if params.get(name) is not None]
    if NAME in headers or (required and key and named):
        header = decoded(headers.get(NAME))
        if header is None or header not in named:
            yield f"The {NAME} header does not match the name in the body."


def _requires_headers(headers: Mapping[str, str], posted: Posted) -> bool:
    """Check whether the headers are required, as for requests of a revision without a handshake.

    That revision has no batches, so a batch lacks the headers and is refused.
    """
    named = headers.get(VERSION)
    return any(
        _is_request(message)
        and _is_modern(named if named is not None else _stated_version(object_in(message, "params")))
        for message in posted.messages
    )


def _tool_call(headers: Mapping[str, str], message: Mapping[str, Any]) -> ToolCall | None:
    params = object_in(message, "params")
    tool, arguments, meta = params.get("name"), params.get("arguments"), params.get("_meta")
    if message.get("method") != "tools/call" or not _is_request(message) or not isinstance(tool, str):
        return None
    if not _is_modern(headers.get(VERSION)) or not isinstance(arguments, dict) or not arguments:
        return None
    return ToolCall(
        request_id=message["id"],
        tool=tool,
        arguments=arguments,
        meta=meta if isinstance(meta, dict) else {},
        headers=headers,
    )


def _stated_version(params: Mapping[str, Any]) -> object:
    meta = params.get("_meta")
    return meta.get(PROTOCOL_VERSION_META_KEY) if isinstance(meta, dict) else None


def _is_request(message: object) -> bool:
    return isinstance(message, dict) and "method" in message and "id" in message


def _is_modern(version: object) -> bool:
    """Check whether a request is of a revision without a handshake; without a version, it is not."""
    return version is not None and version not in HANDSHAKE_PROTOCOL_VERSIONS
