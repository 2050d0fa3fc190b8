"""Requests to every operation of the admin API: some good, the others lack what would change something."""

from __future__ import annotations

# No account, client, grant or session has this id.
ABSENT = "none"
GROUP = "administrators"  # whose members are not stored

READS = (
    *("", "/people?q=we&limit=1", "/clients?q=a&limit=1&after=WzEsIngiXQ", "/groups?limit=2", "/access"),
    *("/stops?limit=1", "/definitions?limit=1"),
    "/journal?kind=call&outcome=failed&since_ms=1&limit=1&after=1-1-x",
    *("/access/rules?q=o&limit=1", "/access/decision?username=wesen&resource=https://mcp.example/mcp"),
)
_PERSON, _CLIENT = f"/people/{ABSENT}", f"/clients/{ABSENT}"
_METADATA = b'{"metadata": {"client_name": "x", "grant_types": []}}'

# Without an Idempotency-Key, for what is not there, or in a version that is not current.
CHANGES = (
    ("POST", "/people", b'{"username": "x", "name": "X", "email": "x@y.example", "hours": 1}'),
    ("GET", _PERSON, b""),
    ("PATCH", _PERSON, b'{"username": "x", "disabled": true}'),
    ("DELETE", _PERSON, b""),
    ("POST", f"{_PERSON}/links", b'{"hours": 1}'),
    ("DELETE", f"{_PERSON}/second-factors", b""),
    ("GET", f"{_PERSON}/grants?limit=1", b""),
    ("DELETE", f"{_PERSON}/grants", b""),
    ("DELETE", f"{_PERSON}/grants/{ABSENT}", b""),
    ("GET", f"{_PERSON}/provider-accounts?limit=1", b""),
    ("DELETE", f"{_PERSON}/provider-accounts/{ABSENT}", b""),
    ("GET", f"{_PERSON}/sessions?limit=1", b""),
    ("DELETE", f"{_PERSON}/sessions", b""),
    ("DELETE", f"{_PERSON}/sessions/{ABSENT}", b""),
    ("GET", f"/groups/{GROUP}", b""),
    ("PUT", f"/groups/{GROUP}", b'{"members": ["ada"]}'),
    ("PUT", f"/groups/{GROUP}/members/{ABSENT}", b""),
    ("DELETE", f"/groups/{GROUP}/members/{ABSENT}", b""),
    ("PUT", "/access", b'{"groups": {"ops": {"*": "*"}}}'),
    ("POST", "/access/rules", b'{"group": "ops", "resource": "*", "scopes": ["a"]}'),
    ("GET", f"/access/rules/{ABSENT}", b""),
    ("GET", f"/journal/{ABSENT}", b""),
    ("PUT", f"/access/rules/{ABSENT}", b'{"scopes": "*"}'),
    ("DELETE", f"/access/rules/{ABSENT}", b""),
    ("PUT", "/stops", b'{"kind": "person", "name": "none", "reason": "y"}'),
    ("DELETE", f"/stops/{ABSENT}", b""),
    ("PUT", f"/definitions/{ABSENT}?resource=https://mcp.example/mcp", b""),
    ("DELETE", f"/definitions/{ABSENT}?resource=https://mcp.example/mcp", b""),
    ("POST", "/clients", _METADATA),
    ("GET", _CLIENT, b""),
    ("PUT", _CLIENT, _METADATA),
    ("PATCH", _CLIENT, b'{"disabled": true}'),
    ("DELETE", _CLIENT, b""),
    ("POST", f"{_CLIENT}/secrets", b""),
)
