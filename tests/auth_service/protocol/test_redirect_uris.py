"""The rules for redirect URIs: registration, recipients, and comparison."""

from __future__ import annotations

import pytest

from auth_service.protocol.redirect_uris import (
    RedirectUriType,
    check_registrable,
    destination_of,
    is_complete,
    is_usable,
    matches,
    redirect_uri_type,
)
from tests.auth_service.protocol.refused_redirect_uris import NEVER

pytestmark = pytest.mark.requirement("AS-10", "SEC-1")

PRIVATE_USE = (
    "vscode-insiders vscodium code-oss windsurf zed kiro trae claude chatgpt goose raycast warp"
    " jetbrains idea cherrystudio msauth.com.example.app lmstudio x-example search.example shellfish"
    " com.googleusercontent.apps.1-a app opencode"
)

REGISTRABLE = {
    "https://claude.ai/api/mcp/auth_callback": RedirectUriType.WEB,
    "https://claude.com/api/mcp/auth_callback": RedirectUriType.WEB,
    "https://chatgpt.com/connector_platform_oauth_redirect": RedirectUriType.WEB,
    "https://chatgpt.com/connector/oauth/AbC-123_x": RedirectUriType.WEB,
    "https://www.cursor.com/agents/mcp/oauth/callback": RedirectUriType.WEB,
    "https://vscode.dev/redirect": RedirectUriType.WEB,
    "https://client.example": RedirectUriType.WEB,
    "https://client.example:8443/cb?tenant=1&x=%20": RedirectUriType.WEB,
    "https://CLIENT.example/cb": RedirectUriType.WEB,
    "https://xn--bcher-kva.example/cb": RedirectUriType.WEB,
    "https://192.0.2.1/cb": RedirectUriType.WEB,
    "https://[2001:db8::1]/cb": RedirectUriType.WEB,
    "https://localhost/cb": RedirectUriType.LOOPBACK,
    "http://localhost:6274/oauth/callback": RedirectUriType.LOOPBACK,
    "http://localhost/callback": RedirectUriType.LOOPBACK,
    "http://localhost": RedirectUriType.LOOPBACK,
    "http://LOCALHOST:1/cb": RedirectUriType.LOOPBACK,
    "http://127.0.0.1:33418/": RedirectUriType.LOOPBACK,
    "http://127.0.0.1/callback/ID": RedirectUriType.LOOPBACK,
    "http://[::1]:5000/cb": RedirectUriType.LOOPBACK,
    "cursor://anysphere.cursor-mcp/oauth/callback": RedirectUriType.PRIVATE_SCHEME,
    "com.example.app:/oauth2redirect": RedirectUriType.PRIVATE_SCHEME,
    "com.example.app:callback": RedirectUriType.PRIVATE_SCHEME,
    "vscode://vscode.github-authentication/did-authenticate": RedirectUriType.PRIVATE_SCHEME,
    **{f"{scheme}://oauth/callback": RedirectUriType.PRIVATE_SCHEME for scheme in PRIVATE_USE.split()},
}


@pytest.mark.parametrize("uri", REGISTRABLE)
def test_a_place_that_only_the_client_receives_at_can_be_registered(uri: str) -> None:
    check_registrable(uri)
    assert redirect_uri_type(uri) is REGISTRABLE[uri]


@pytest.mark.parametrize("uri", NEVER)
def test_a_place_that_could_be_somebody_elses_can_never_be_registered(uri: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        check_registrable(uri)


@pytest.mark.parametrize("uri", REGISTRABLE)
def test_a_registered_uri_matches_itself(uri: str) -> None:
    assert matches(uri, ["https://another.example/cb", uri])


WEB = "https://client.example/cb?tenant=1"


@pytest.mark.parametrize(
    "requested",
    [
        "https://client.example/cb",
        "https://client.example/cb?tenant=1&",
        "https://client.example/cb?tenant=1&x=2",
        "https://client.example/cb?tenant=1#",
        "https://client.example/cb?tenant=1#x",
        "https://client.example/cb/?tenant=1",
        "https://client.example/CB?tenant=1",
        "https://client.example/c%62?tenant=1",
        "https://client.example/x/../cb?tenant=1",
        "https://client.example//cb?tenant=1",
        "https://client.example:443/cb?tenant=1",
        "https://client.example:8443/cb?tenant=1",
        "https://CLIENT.example/cb?tenant=1",
        "HTTPS://client.example/cb?tenant=1",
        "http://client.example/cb?tenant=1",
        "https://client.example.evil.example/cb?tenant=1",
        "https://evil.example/https://client.example/cb?tenant=1",
        "https://client.example@evil.example/cb?tenant=1",
        "https://evilclient.example/cb?tenant=1",
        "https://sub.client.example/cb?tenant=1",
        "https://client.example\\@evil.example/cb?tenant=1",
        " https://client.example/cb?tenant=1",
        "https://client.example/cb?tenant=1 ",
        "https://client.example/cb?tenant=1\n",
        "https://client.example/cb?tenant=1%0d%0aX:y",
        "https://client.example",
        "",
    ],
)
def test_nothing_but_the_same_string_matches_on_the_web(requested: str) -> None:
    assert not matches(requested, [WEB])


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
@pytest.mark.parametrize("registered_port", ["", ":53682"])
@pytest.mark.parametrize("port", ["", ":1", ":80", ":53682", ":65535"])
def test_any_port_matches_on_loopback(host: str, registered_port: str, port: str) -> None:
    assert matches(f"http://{host}{port}/callback?x=1", [f"http://{host}{registered_port}/callback?x=1"])


LOOPBACK = "http://127.0.0.1:53682/callback"


@pytest.mark.parametrize(
    "requested",
    [
        "http://localhost:53682/callback",
        "http://[::1]:53682/callback",
        "https://127.0.0.1:53682/callback",
        "HTTP://127.0.0.1:53682/callback",
        "http://127.0.0.1:53682/callback/",
        "http://127.0.0.1:53682/Callback",
        "http://127.0.0.1:53682/callback?x",
        "http://127.0.0.1:53682/callback#x",
        "http://127.0.0.1:53682/",
        "http://127.0.0.1:53682",
        "http://127.0.0.1:/callback",
        "http://127.0.0.1:65536/callback",
        "http://127.0.0.1:99999/callback",
        "http://127.0.0.1:053682/callback",
        "http://127.0.0.1:-1/callback",
        "http://127.0.0.1:8a/callback",
        "http://127.0.0.1:５３６８２/callback",
        "http://127.0.0.1:٥٣/callback",
        "http://127.0.0.1:80@evil.example/callback",
        "http://127.0.0.1@evil.example/callback",
        "http://127.0.0.1.evil.example/callback",
        "http://127.0.0.1evil.example/callback",
        "http://127.0.0.1\\evil.example/callback",
        "http://user@127.0.0.1:53682/callback",
        "http://127.0.0.2:53682/callback",
        "http://127.1:53682/callback",
        "http://2130706433:53682/callback",
        "http://[::ffff:127.0.0.1]:53682/callback",
        "http://127.0.0.1:53682/callback\n",
        "http://127.0.0.1:53682/../callback",
    ],
)
def test_on_loopback_only_the_port_may_differ(requested: str) -> None:
    assert not matches(requested, [LOOPBACK])


def test_localhost_never_stands_for_an_address() -> None:
    assert not matches("http://127.0.0.1:1/cb", ["http://localhost:1/cb"])
    assert not matches("http://[::1]:1/cb", ["http://localhost:1/cb", "http://127.0.0.1:1/cb"])


def test_a_port_is_no_more_flexible_with_https_or_a_private_scheme() -> None:
    assert not matches("https://localhost:2/cb", ["https://localhost:1/cb"])
    assert not matches("app://localhost:2/cb", ["app://localhost:1/cb"])


def test_a_port_is_no_more_flexible_on_a_host_of_the_network() -> None:
    assert not matches("http://printer.lan:2/cb", ["http://printer.lan:1/cb"])
    assert not matches("http://192.168.1.5:2/cb", ["http://192.168.1.5:1/cb"])


def test_nothing_matches_a_client_without_redirect_uris() -> None:
    assert not matches(LOOPBACK, [])


def test_a_redirect_uri_has_at_most_2000_characters() -> None:
    longest = "https://client.example/".ljust(2_000, "a")
    check_registrable(longest)
    with pytest.raises(ValueError, match="at most 2000 characters"):
        check_registrable(f"{longest}a")


@pytest.mark.parametrize(
    ("uri", "destination"),
    [
        ("https://App.Example/cb", "app.example"),
        ("https://app.example:8443/cb", "app.example:8443"),
        ("http://127.0.0.1:4711/cb", "127.0.0.1:4711"),
        ("com.example.app:/cb", "com.example.app:"),
        ("cursor://anysphere.cursor-mcp/cb", "cursor:"),
        # Registered before these were refused.
        ("https://good.example\\@evil.example/", "a URL that browsers and servers read differently"),
    ],
)
def test_a_person_is_told_the_host_or_the_app_that_an_answer_goes_to(uri: str, destination: str) -> None:
    assert destination_of(uri) == destination


@pytest.mark.requirement("SEC-1")
@pytest.mark.parametrize(
    ("uri", "usable"),
    [
        ("https://app.example/cb", True),
        ("http://192.168.1.5/cb", True),
        ("http://app.example/cb", False),
        ("ms-word:x", False),
        ("https://app.example/cb#x", False),
    ],
)
def test_what_was_registered_under_older_rules_is_used_only_if_it_is_safe(uri: str, usable: bool) -> None:
    assert is_usable(uri) is usable


@pytest.mark.parametrize(
    ("redirect_uri", "complete"),
    [
        ("https://client.example/cb", True),
        ("http://127.0.0.1:4711/cb", True),
        ("http://127.0.0.1/cb", False),
        ("com.example.app:/cb", True),
        ("ms-word:callback", False),
        ("https://client.example/cb#x", False),
    ],
)
def test_a_loopback_redirect_uri_without_a_port_is_not_where_an_answer_goes(
    redirect_uri: str, complete: bool
) -> None:
    assert is_complete(redirect_uri) is complete
