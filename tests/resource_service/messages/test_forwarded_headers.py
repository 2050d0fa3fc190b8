"""Which headers pass through the gateway, in each direction (RS-12)."""

from __future__ import annotations

import pytest

from resource_service.messages.forwarded_headers import to_client, to_upstream, why_not_passed

pytestmark = pytest.mark.requirement("RS-12")

IDENTITY = (b"accept-encoding", b"identity")


@pytest.mark.parametrize(
    ("name", "passes"),
    [
        ("x-tenant", True),
        ("X-Tenant", True),
        ("authorization", False),
        ("Connection", False),
        ("x-request-id", False),
        ("x-doorward-user", False),
        ("Proxy-Authorization", False),
        ("x_tenant", False),
        ("x tenant", False),
        ("", False),
    ],
)
def test_a_header_that_can_never_be_forwarded_has_a_reason(name: str, passes: bool) -> None:
    assert (why_not_passed(name) == "") is passes


@pytest.mark.parametrize(
    ("field", "passes"),
    [
        ((b"accept", b"*/*"), True),
        ((b"traceparent", b"00"), True),
        ((b"mcp-session-id", b"1"), True),
        ((b"mcp-param-a_b", b"1"), True),
        ((b"mcp-session_id", b"1"), False),
        ((b"x-other", b"1"), False),
        ((b"cookie", b"a=b"), False),
        ((b"x-allowed", b"1"), True),
        ((b"x-allowed", b"Bearer secret"), False),
        ((b"x-allowed", b"a proof"), False),
        ((b"mcp-hop", b"1"), False),
    ],
)
def test_an_upstream_receives_what_is_allowed_and_no_credential(
    field: tuple[bytes, bytes], passes: bool
) -> None:
    sent = [
        (b"authorization", b"DPoP  secret "),
        (b"dpop", b"proof"),
        (b"connection", b"close, MCP-Hop "),
        field,
    ]
    assert to_upstream(sent, ("x-allowed",)) == [*([field] if passes else []), IDENTITY]


def test_credentials_without_a_token_leave_other_headers_alone() -> None:
    sent = [(b"authorization", b"secret"), (b"dpop", b""), (b"accept", b"secret")]
    assert to_upstream(sent) == [(b"accept", b"secret"), IDENTITY]


def test_an_encoding_that_the_client_accepts_is_passed() -> None:
    assert to_upstream([(b"accept-encoding", b"gzip")]) == [(b"accept-encoding", b"gzip")]


@pytest.mark.parametrize(
    ("name", "passes"),
    [
        (b"content-type", True),
        (b"X-Other", True),
        (b"set-cookie", False),
        (b"Access-Control-Allow-Origin", False),
        (b"proxy-status", False),
        (b"transfer-encoding", False),
        (b"x-hop", False),
    ],
)
def test_a_client_receives_what_an_upstream_may_say(name: bytes, passes: bool) -> None:
    fields = [(b"Connection", b"X-Hop"), (name, b"1")]
    assert to_client(fields) == ([(name.lower(), b"1")] if passes else [])
