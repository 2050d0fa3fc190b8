"""Cookie names: those of two installations on one host differ."""

from __future__ import annotations

import itertools
import re

import pytest

from auth_service.web.cookie_names import CookieNames

ON_ONE_HOST = (
    "http://localhost",
    "http://localhost:9000",
    "http://localhost:9100",
    "http://localhost:9100/9000",
    "http://localhost/9000",
    "http://localhost/a",
    "http://localhost/b",
    "http://localhost/a/b",
    "http://localhost/a.b",
    "http://localhost/a%2Fb",
    "http://localhost/-9000",
    "http://localhost/(a)",
)
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@pytest.mark.requirement("AS-23")
@pytest.mark.parametrize("kind", ["browser", "session", "known_browser"])
def test_no_two_installations_on_one_host_share_a_cookie(kind: str) -> None:
    names = [getattr(CookieNames.of(issuer), kind) for issuer in ON_ONE_HOST]
    for one, other in itertools.combinations(names, 2):
        assert one != other
    for name in names:
        assert TOKEN.fullmatch(name), "RFC 6265 §4.1.1"


@pytest.mark.requirement("AS-23")
@pytest.mark.parametrize(
    ("issuer", "session"),
    [
        ("https://auth.example", "__Host-doorward-session"),
        ("https://auth.example:443/", "__Host-doorward-session"),
        ("https://auth.example:8443", "__Host-doorward-session-8443"),
        ("https://auth.example/a/b", "__Host-doorward-session.a.b"),
        ("http://localhost:9000", "doorward-session-9000"),
        ("http://localhost:80", "doorward-session"),
        ("http://[::1]:9000/auth", "doorward-session-9000.auth"),
    ],
)
def test_a_name_carries_the_port_and_the_path_of_the_issuer(issuer: str, session: str) -> None:
    assert CookieNames.of(issuer).session == session
