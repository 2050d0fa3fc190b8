"""What passes through the gateway, in each direction. Pure: header fields in, header fields out."""

from __future__ import annotations

import re
from collections.abc import Iterable

Fields = list[tuple[bytes, bytes]]
"""Header fields as ASGI has them, their names in lower case."""

# RFC 9110 §7.6.1: about the connection, not about the message; and what a proxy sets itself
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
"""What an upstream gets of a request, beside ``Mcp-…`` and what the operator names."""

# What no setting lets through: credentials, what is ours to say, what is about the body, and the connection.
_NEVER_PASSED = _HOP_BY_HOP | {
    *(b"authorization", b"cookie", b"dpop", b"host", b"content-type", b"content-encoding", b"content-length"),
    *(b"expect", b"x-request-id"),
}
_NEVER_PASSED_PREFIXES = (b"x-doorward-", b"proxy-")
_NAME = re.compile(r"[!#$%&'*+.^`|~0-9A-Za-z-]+\Z")

_NEVER_ANSWERED = frozenset(
    {
        # of our own origin, which is not the upstream's to set
        b"set-cookie", b"strict-transport-security", b"alt-svc", b"clear-site-data", b"public-key-pins",
        b"content-security-policy", b"service-worker-allowed",
        # a challenge would send the client to somebody else for a token
        b"www-authenticate", b"proxy-authenticate", b"authentication-info", b"dpop-nonce", b"location",
        # set by us on every answer
        b"date", b"server", b"via", b"x-request-id", b"x-content-type-options", b"referrer-policy",
    }
)  # fmt: skip
_NEVER_ANSWERED_PREFIXES = (b"access-control-", b"proxy-")


def why_not_passed(name: str) -> str:
    """Why no setting lets a request header through; empty where it may."""
    if not _NAME.match(name):
        return "not the name of a header, or with an underscore, which is a hyphen to some"
    field = name.lower().encode()
    if field in _NEVER_PASSED or field.startswith(_NEVER_PASSED_PREFIXES):
        return "a credential, or what only this service says"
    return ""


def to_upstream(fields: Iterable[tuple[bytes, bytes]], also: Iterable[str] = ()) -> Fields:
    """The fields of a request that the upstream may see.

    Names with an underscore are left out: behind CGI and WSGI they become the same as those with a hyphen.
    So is whatever holds the client's token or its proof, under any name.

    Args:
        also: names that the operator lets through, in lower case.
    """
    fields = list(fields)
    hop_by_hop, tokens = _hop_by_hop(fields), _tokens(fields)
    allowed = PASSED | {name.encode() for name in also}
    passed = [
        (name, value)
        for name, value in fields
        if (name in allowed or _is_of_mcp(name))
        and name not in hop_by_hop
        and not any(token in value for token in tokens)
    ]
    if not any(name == b"accept-encoding" for name, _ in passed):
        # Said, because leaving it out would let the upstream choose.
        passed.append((b"accept-encoding", b"identity"))
    return passed


def _is_of_mcp(name: bytes) -> bool:
    return name.startswith(b"mcp-") and (b"_" not in name or name.startswith(b"mcp-param-"))


def to_client(fields: Iterable[tuple[bytes, bytes]]) -> Fields:
    """The fields of an answer that the client may see."""
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
    named = b",".join(value for name, value in fields if name == b"connection")
    return _HOP_BY_HOP | {name.strip().lower() for name in named.split(b",")}


def _tokens(fields: Fields) -> list[bytes]:
    credentials = [value.split(None, 1) for name, value in fields if name == b"authorization"]
    proofs = [value for name, value in fields if name == b"dpop" and value]
    return [*(parts[1].strip() for parts in credentials if len(parts) == 2), *proofs]
