"""Request headers that repeat parts of a message (MCP 2026-07-28, SEP-2243): they say what it says. Pure.

Whatever stands between us and the server may decide by these headers, as we decide by the message. The rule
is one for every transport and for the built-in server; the codec of the values is the SDK's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mcp.shared.inbound import NAME_BEARING_METHODS, decode_header_value
from mcp_types import PROTOCOL_VERSION_META_KEY
from mcp_types.jsonrpc import HEADER_MISMATCH
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from resource_service.messages.exact_json import ExactNumber
from resource_service.messages.jsonrpc import Posted

__all__ = ["HEADER_MISMATCH", "HeaderMismatchError", "check_headers"]

VERSION, METHOD, NAME, PARAM = "mcp-protocol-version", "mcp-method", "mcp-name", "mcp-param-"
_NAMING = ("name", "uri", "taskId")
"""Members of params that name what a method is about; which of them, only some methods settle."""


class HeaderMismatchError(ValueError):
    """A header is missing, repeated, or contradicts the body; the message says which.

    Args:
        request_id: of the request; None where there is none.
    """

    def __init__(self, says: str, request_id: object) -> None:
        super().__init__(says)
        self.request_id = request_id


def check_headers(fields: Iterable[tuple[bytes, bytes]], posted: Posted) -> None:
    """Check what headers say of the messages of a POST.

    Raises:
        HeaderMismatchError: they contradict the body in any revision, or lack what 2026-07-28 requires.
    """
    message = posted.messages[0] if posted.messages and not posted.is_batch else None
    request = message if isinstance(message, dict) else {}
    request_id = request.get("id")
    if reason := next(_mismatches(fields, request), None):
        raise HeaderMismatchError(reason, request_id if isinstance(request_id, str | int) else None)


def _mismatches(fields: Iterable[tuple[bytes, bytes]], message: Mapping[str, Any]) -> Iterator[str]:
    headers: dict[str, str] = {}
    for raw_name, value in fields:
        # CGI makes the same of a hyphen and an underscore; to some reader these are one header.
        name = raw_name.decode("latin-1").replace("_", "-")
        if name in headers and (name in (VERSION, METHOD, NAME) or name.startswith(PARAM)):
            yield f"The {name} header appears more than once."
        headers[name] = value.decode("latin-1")
    params = message.get("params")
    params = params if isinstance(params, dict) else {}
    yield from _standard(headers, message, params)
    yield from _parameters(headers, message.get("method"), params)


def _standard(
    headers: Mapping[str, str], message: Mapping[str, Any], params: Mapping[str, Any]
) -> Iterator[str]:
    method, version = message.get("method"), headers.get(VERSION)
    stated = _stated_version(params)
    required = "id" in message and _is_modern(version if version is not None else stated)
    if required and stated is not None and version != stated:
        yield f"The {VERSION} header does not match the version in the body."
    if (required or METHOD in headers) and headers.get(METHOD) != method:
        yield f"The {METHOD} header does not match the method in the body."
    key = NAME_BEARING_METHODS.get(method) if isinstance(method, str) else None
    named = [params[name] for name in ((key,) if key else _NAMING) if params.get(name) is not None]
    if NAME in headers or (required and key and named):
        header = decode_header_value(headers.get(NAME))
        if header is None or header not in named:
            yield f"The {NAME} header does not match the name in the body."


def _stated_version(params: Mapping[str, Any]) -> object:
    meta = params.get("_meta")
    return meta.get(PROTOCOL_VERSION_META_KEY) if isinstance(meta, dict) else None


def _is_modern(version: object) -> bool:
    """Whether a request is of a revision without a handshake. One that names none is of one with it."""
    return version is not None and version not in HANDSHAKE_PROTOCOL_VERSIONS


def _parameters(headers: Mapping[str, str], method: object, params: Mapping[str, Any]) -> Iterator[str]:
    """A header for a parameter says what an argument says: the one of its name, or else some other one.

    Which argument a header repeats, the schema of the tool decides; whatever it is, one must have this value.
    """
    arguments = params.get("arguments") if method == "tools/call" else None
    values = list(_scalars(arguments)) if isinstance(arguments, dict) else []
    for name, raw in headers.items():
        if not name.startswith(PARAM):
            continue
        header = decode_header_value(raw)
        token = name.removeprefix(PARAM)
        of_its_name = [value for argument, value in values if argument.lower().replace("_", "-") == token]
        if header is None or not any(_says(header, value) for value in of_its_name or [v for _, v in values]):
            yield f"The {name} header does not match the arguments in the body."


def _scalars(arguments: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    waiting = list(arguments.items())
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.items())
        elif value is not None and not isinstance(value, list):
            yield name, value


def _says(header: str, value: object) -> bool:
    match value:
        case bool():
            return header == ("true" if value else "false")
        case str():
            return header == value
        case int():
            whole, _, fraction = header.partition(".")
            return whole == str(value) and not fraction.strip("0")
        case float():
            return header == repr(value) or (value.is_integer() and header == str(int(value)))
        case ExactNumber():
            return header == value.text
        case _:
            return False
