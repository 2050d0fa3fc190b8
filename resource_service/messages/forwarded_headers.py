"""The headers that the gateway forwards in each direction. Pure: header fields in, header fields out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

Fields = list[tuple[bytes, bytes]]
"""Header fields as in ASGI, with names in lower case."""

# RFC 9110 §7.6.1: headers about the connection, not the message; and those that a proxy sets itself
_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"proxy-connection"}
)

PASSED = frozenset(
    {
        b"accept",
        b"accept-encoding",
        b"last-event-id",
        b"user-agent",
        b"traceparent",
        b"tracestate",
        b"baggage",
    }
)
"""The request headers that an upstream receives, besides ``Mcp-…`` and those that the operator names."""

# No setting allows these: credentials, headers of this service, and headers about the body or connection.
_NEVER_PASSED = _HOP_BY_HOP | {
    *(b"authorization", b"cookie", b"dpop", b"host", b"content-type", b"content-encoding", b"content-length"),
    *(b"expect", b"x-request-id"),
}
_NEVER_PASSED_PREFIXES = (b"x-doorward-", b"proxy-")
_NAME = re.compile(r"[!#$%&'*+.^`|~0-9A-Za-z-]+\Z")

_NEVER_ANSWERED = frozenset(
    {
        # about our own origin, which an upstream must not configure
        b"set-cookie", b"strict-transport-security", b"alt-svc", b"clear-site-data", b"public-key-pins",
        b"content-security-policy", b"service-worker-allowed",
        # a challenge would make the client get a token elsewhere
        b"www-authenticate", b"proxy-authenticate", b"authentication-info", b"dpop-nonce", b"location",
        # set by us on every answer
        b"date", b"server", b"via", b"x-request-id", b"x-content-type-options", b"referrer-policy",
    }
)  # fmt: skip
_NEVER_ANSWERED_PREFIXES = (b"access-control-", b"proxy-")


def why_not_passed(name: str) -> str:
    """Return why a request header can never be forwarded; empty if it can."""
    if not _NAME.match(name):
        return "it is not a valid header name, or it has an underscore, which some servers read as a hyphen"
    field = name.lower().encode()
    if field in _NEVER_PASSED or field.startswith(_NEVER_PASSED_PREFIXES):
        return "it is a credential, or only this service sets it"
    return ""


def to_upstream(fields: Iterable[tuple[bytes, bytes]], also: Iterable[str] = ()) -> Fields:
    """Return the request fields that the upstream receives.

    Names with an underscore are omitted: CGI and WSGI do not distinguish them from names with a hyphen.
    Fields that contain the client's token or its proof, under any name, are omitted as well.

    Args:
        also: names that the operator allows, in lower case.
    """
    fields = list(fields)
    hop_by_hop, tokens, allowed = _hop_by_hop(fields), _tokens(fields), _allowed(tuple(also))
    passed = [
        field
        for field in fields
        if (field[0] in allowed or is_of_mcp(field[0])) and field[0] not in hop_by_hop
    ]
    values = b"\n".join([value for _, value in passed])
    if any(token in values for token in tokens):
        passed = [(name, value) for name, value in passed if not any(token in value for token in tokens)]
    if not any(name == b"accept-encoding" for name, _ in passed):
        # Explicit, because its absence would let the upstream choose an encoding.
        passed.append((b"accept-encoding", b"identity"))
    return passed


@lru_cache(maxsize=64)
def _allowed(also: tuple[str, ...]) -> frozenset[bytes]:
    return PASSED | {name.encode() for name in also}


def is_of_mcp(name: bytes) -> bool:
    """Check whether a request header, in lower case, is one of MCP, which clients send."""
    return name.startswith(b"mcp-") and (b"_" not in name or name.startswith(b"mcp-param-"))


def to_client(fields: Iterable[tuple[bytes, bytes]]) -> Fields:
    """Return the response fields that the client receives."""
    fields = [(name.lower(), value) for name, value in fields]
    hop_by_hop = _hop_by_hop(fields)
    return [
        (name, value)
        for name, value in fields
        if name not in hop_by_hop
        and name not in _NEVER_ANSWERED
        and not name.startswith(_NEVER_ANSWERED_PREFIXES)
    ]


def _hop_by_hop(fields: Fields) -> frozenset[bytes]:
    named = [value for name, value in fields if name == b"connection"]
    if not named:
        return _HOP_BY_HOP
    return _HOP_BY_HOP | {name.strip().lower() for name in b",".join(named).split(b",")}


def _tokens(fields: Fields) -> list[bytes]:
    credentials = [value.split(None, 1) for name, value in fields if name == b"authorization"]
    proofs = [value for name, value in fields if name == b"dpop" and value]
    return [*(parts[1].strip() for parts in credentials if len(parts) == 2), *proofs]
