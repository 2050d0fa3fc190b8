"""What passes through the gateway, in each direction. Pure: header fields in, header fields out."""

from __future__ import annotations

from collections.abc import Iterable

Fields = list[tuple[bytes, bytes]]
"""Header fields as ASGI has them, their names in lower case."""

# RFC 9110 §7.6.1: about the connection, not about the message; and what a proxy sets itself
_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"proxy-connection"}
)

_NEVER_ASKED = frozenset(
    {
        # credentials: what authenticates to us authenticates to nobody else
        b"authorization", b"cookie", b"dpop",
        # who the caller is: only this service says that
        b"forwarded", b"via", b"x-real-ip", b"x-client-ip", b"true-client-ip",
        # another request than the one that was checked
        b"x-http-method", b"x-http-method-override", b"x-method-override",
        b"x-original-url", b"x-rewrite-url",
        # made anew, for the upstream
        b"host", b"content-length", b"expect", b"x-request-id",
        # of a page that has been checked here: the upstream would hold it against its own name
        b"origin", b"referer",
    }
)  # fmt: skip
_NEVER_ASKED_PREFIXES = (b"x-doorward-", b"x-forwarded-", b"proxy-", b"sec-")

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


def to_upstream(fields: Iterable[tuple[bytes, bytes]]) -> Fields:
    """The fields of a request that the upstream may see.

    Names with an underscore are left out: behind CGI and WSGI they become the same as those with a hyphen, so
    ``X_Doorward_Subject`` would pass for ours. Whatever holds the client's token or its proof is left out
    under any name.
    """
    fields = list(fields)
    hop_by_hop = _hop_by_hop(fields)
    tokens = _tokens(fields)
    passed = [
        (name, value)
        for name, value in fields
        if name not in hop_by_hop
        and name not in _NEVER_ASKED
        and not name.startswith(_NEVER_ASKED_PREFIXES)
        and b"_" not in name
        and not any(token in value for token in tokens)
    ]
    if not any(name == b"accept-encoding" for name, _ in passed):
        # Said, because leaving it out would let the upstream choose.
        passed.append((b"accept-encoding", b"identity"))
    return passed


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
