"""URLs: where clients look, and what is one at all."""

from __future__ import annotations

import pytest

from shared.cli.doctor.login.client import on_another_port, spelled_otherwise
from shared.cli.doctor.urls import is_web_url, other_spelling, redirect_target
from shared.metadata_urls import resource_metadata_places, server_metadata_places


@pytest.mark.parametrize(
    ("mcp_url", "places"),
    [
        ("https://a.example/mcp", ["https://a.example/.well-known/oauth-protected-resource/mcp"]),
        ("https://a.example/t/mcp?x=1", ["https://a.example/.well-known/oauth-protected-resource/t/mcp?x=1"]),
        ("https://a.example", []),
        ("https://a.example/", []),
        (
            "https://a.example/mcp/",
            [
                "https://a.example/.well-known/oauth-protected-resource/mcp/",
                "https://a.example/.well-known/oauth-protected-resource/mcp",
            ],
        ),
    ],
)
def test_resource_metadata_is_looked_up_between_host_and_path(mcp_url: str, places: list[str]) -> None:
    assert list(resource_metadata_places(mcp_url)) == places


@pytest.mark.parametrize(
    ("issuer", "places"),
    [
        (
            "https://a.example",
            [
                "https://a.example/.well-known/oauth-authorization-server",
                "https://a.example/.well-known/openid-configuration",
            ],
        ),
        (
            "https://a.example/t/",
            [
                "https://a.example/.well-known/oauth-authorization-server/t",
                "https://a.example/.well-known/openid-configuration/t",
                "https://a.example/t/.well-known/openid-configuration",
            ],
        ),
    ],
)
def test_server_metadata_is_looked_up_in_every_spelling(issuer: str, places: list[str]) -> None:
    assert list(server_metadata_places(issuer)) == places


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "mcp",
            "/mcp",
            "a.example/mcp",
            "ftp://a.example",
            "javascript:alert(1)",
            "http:///x",
            "http://[",
        ),
        *(
            "http://a.example:99999/",
            "http://a b/",
            "http://a.example/\x1b[2J",
            "http://x@a.example/",
            "http://ä/",
        ),
        *(None, 1, ["http://a.example"]),
    ],
)
def test_what_is_not_a_web_url_is_distinguished_from_one(text: object) -> None:
    assert not is_web_url(text)


@pytest.mark.parametrize(
    ("url", "other"),
    [
        ("http://a/mcp", "http://a/mcp/"),
        ("http://a/mcp/", "http://a/mcp"),
        ("http://a/", None),
        ("http://a", None),
    ],
)
def test_the_other_spelling_has_the_slash_or_has_it_not(url: str, other: str | None) -> None:
    assert other_spelling(url) == other


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/x", "https://a.example/x"),
        ("y", "https://a.example/t/y"),
        ("//b.example/", "https://b.example/"),
        ("http://[", None),
        ("javascript:alert(1)", None),
        ("", None),
        (None, None),
    ],
)
def test_a_redirect_leads_to_a_web_url_or_nowhere(location: str | None, target: str | None) -> None:
    assert redirect_target("https://a.example/t/x", location) == target


def test_the_same_app_at_its_next_start_has_another_port() -> None:
    assert on_another_port("http://127.0.0.1:4000/callback") == "http://127.0.0.1:4001/callback"
    assert on_another_port("http://localhost:65535/cb") == "http://localhost:1024/cb"


@pytest.mark.parametrize(
    ("resource", "other"),
    [
        ("https://A.example/mcp/", "https://a.example/mcp"),
        ("https://a.example/mcp", "https://a.example/mcp/"),
        ("https://a.example", "https://a.example/"),
    ],
)
def test_a_resource_is_spelled_as_other_clients_spell_it(resource: str, other: str) -> None:
    assert spelled_otherwise(resource) == other
