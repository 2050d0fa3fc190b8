"""Which site sent a form: what browsers say of it."""

from __future__ import annotations

import pytest

from auth_service.protocol.form_origin import foreign_origin

OWN = "http://localhost:9000"
OTHER = "http://localhost:9100"
pytestmark = pytest.mark.requirement("AS-23", "SEC-16")


@pytest.mark.parametrize(
    ("origins", "sites"),
    [
        ([], []),  # a script (AS-25)
        ([OWN], []),  # over plain http on a home network, browsers send no Sec-Fetch-Site
        ([OWN], ["same-origin"]),
        ([], ["same-origin"]),
        ([], ["none"]),
        (["null"], ["same-origin"]),  # a proxy has set Referrer-Policy: no-referrer
    ],
)
def test_a_form_of_ours_and_a_script_are_nobody_elses(origins: list[str], sites: list[str]) -> None:
    assert foreign_origin(OWN, origins, sites) is None


@pytest.mark.parametrize(
    ("origins", "sites"),
    [
        ([OTHER], []),
        (["http://localhost"], []),
        (["https://localhost:9000"], []),
        (["http://localhost:9000.evil.example"], []),
        (["HTTP://LOCALHOST:9000"], []),
        ([""], []),
        (["null"], []),
        (["null"], ["cross-site"]),
        ([OTHER], ["same-site"]),
        ([OTHER], ["cross-site"]),
        ([OTHER], ["same-origin"]),
        ([OWN], ["cross-site"]),
        ([], ["same-site"]),
        ([], ["cross-site"]),
        ([], [""]),
        ([], ["same-origin", "cross-site"]),
        ([OWN, OTHER], []),
        ([f"{OWN} {OTHER}"], []),
    ],
)
def test_a_form_of_another_site_is_distinguished_from_ours(origins: list[str], sites: list[str]) -> None:
    assert foreign_origin(OWN, origins, sites) is not None
