"""The settings of clients with metadata documents."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from auth_service.protocol.client_domains import Trust
from auth_service.settings import AuthSettings
from auth_service.wiring.configured import domain_policy
from tests.auth_service.service import USUAL

pytestmark = pytest.mark.requirement("AS-8")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("DOORWARD_STORE", "sqlite:///unused.db")
    return monkeypatch


def settings(issuer: str = "http://localhost:9000", **members: Any) -> AuthSettings:
    return AuthSettings(**{**USUAL, "issuer": issuer, **members})


@pytest.mark.parametrize(
    ("registration", "trust"),
    [("open", Trust.ASK), ("token", Trust.DENY), ("statement", Trust.DENY), ("closed", Trust.DENY)],
)
def test_strangers_are_asked_about_only_where_anyone_may_register(
    environment: pytest.MonkeyPatch, registration: str, trust: Trust
) -> None:
    assert domain_policy(settings(registration=registration)).trust_in("client.example") is trust


def test_the_lists_are_read_from_the_environment(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DOORWARD_CIMD", "deny")
    environment.setenv("DOORWARD_CIMD_ALLOW", "claude.ai, *.example.com")
    environment.setenv("DOORWARD_CIMD_DENY", "evil.example.com")
    policy = domain_policy(settings())
    hosts = ("claude.ai", "a.example.com", "evil.example.com", "other.example")
    assert [policy.trust_in(host) for host in hosts] == [Trust.ALLOW, Trust.ALLOW, Trust.DENY, Trust.DENY]


@pytest.mark.parametrize("pattern", ["https://claude.ai", "Claude.ai", "*", "claude.*"])
def test_what_is_not_a_domain_is_refused_at_the_start(environment: pytest.MonkeyPatch, pattern: str) -> None:
    with pytest.raises(ValidationError, match="not a domain"):
        settings(cimd_allow=pattern)


@pytest.mark.requirement("SEC-12")
@pytest.mark.parametrize("issuer", ["http://localhost:9000", "http://127.0.0.1:9000", "https://[::1]:9000"])
def test_the_development_switch_works_where_the_server_is_on_this_machine(
    environment: pytest.MonkeyPatch, issuer: str
) -> None:
    assert settings(issuer, fetch_loopback=True).fetch_loopback


@pytest.mark.requirement("SEC-12")
def test_the_development_switch_is_refused_where_the_server_is_public(
    environment: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ValidationError, match="fetch_loopback is for development"):
        settings("https://auth.example.com", fetch_loopback=True)
