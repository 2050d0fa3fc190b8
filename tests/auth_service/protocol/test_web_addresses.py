"""URLs that clients supply are read as browsers read them: compared with the URL standard in Node."""

from __future__ import annotations

import os
import random
import re
from contextlib import suppress

import pytest

from auth_service.protocol.errors import OAuthError
from auth_service.protocol.redirect_uris import destination_of
from auth_service.protocol.registration import parse_metadata
from auth_service.protocol.web_addresses import check_uri, parse_web_address, split_web_url
from tests.resource_service.policy.node_uris import PIECES, by_node

pytestmark = pytest.mark.requirement("SEC-1", "SEC-5", "AS-10")

URLS = int(os.environ.get("DOORWARD_SOAK_URLS", "20000"))
SEEDS = (
    *("https://client.example/cb?tenant=1#top", "https://accounts.example:8443/a/b;c=d?x[0]=1&y=%20"),
    *(
        "http://127.0.0.1:53682/callback",
        "http://[::1]:1/cb",
        "https://xn--bcher-kva.example/",
        "HTTP://A.example",
    ),
    *(
        "cursor://anysphere.cursor-mcp/oauth/callback?x=1",
        "com.example.app:/oauth2redirect",
        "com.example.app:cb",
    ),
    *("https://1.2.3.4/cb", "https://[2001:db8::1:0:0:1]/a", "vscode://vscode.git:443/did-authenticate"),
)
MORE = (
    *(
        "\\@accounts.google.com",
        "evil.example\\@",
        "evil.example#@",
        "%40",
        "\\",
        "\\\\",
        "//",
        "///",
        "@",
        ":@",
    ),
    *(
        "..",
        "/..",
        "/.",
        "%2e%2e/",
        ".%2E/",
        "%2f",
        "%5c",
        "%00",
        "%zz",
        "%",
        "xn--a",
        "xn--",
        "xn--80ak6aa92e",
    ),
    *(
        "0x7f.1",
        "0177.0.0.1",
        "2130706433",
        "127.1",
        "1e3",
        "0x",
        ".0x1",
        "256",
        "_",
        "-",
        "~",
        "!",
        "$",
        "'",
        "*",
    ),
    *(
        ":",
        ":0",
        ":00",
        ":080",
        ":443",
        ":80",
        ":65536",
        ":8a",
        "[::",
        "]",
        "[",
        "::ffff:1.2.3.4",
        "%25eth0",
        "|",
    ),
    *("{", "}", "^", "`", '"', "<", ">", "?", "#", ";", "&", "=", "+", ",", "(", ")", "localhost", ".", "A"),
)

DISGUISES = (
    *("https://evil.example\\@accounts.google.com/", "https://evil.example\\.accounts.google.com/"),
    *("https://accounts.google.com@evil.example/", "https://accounts.google.com:x@evil.example/"),
    *("https:evil.example/", "https:/evil.example/", "https:///evil.example/", "https:\\\\evil.example\\"),
    *(
        "https://evil.example\t.google.com/",
        "https://evil.exa\nmple/",
        "https://evil.example/ ",
        " https://e.example",
    ),
    *(
        "https://evil.example:/",
        "https://evil.example:0443/",
        "https://evil.example:99999/",
        "https://e.example:0/",
    ),
    *("https://0x7f.1/", "https://2130706433/", "https://127.1/", "https://0177.0.0.1/", "https://1.2.3.4./"),
    *(
        "https://e.example/%2e%2e/cb",
        "https://e.example/a/.%2E",
        "https://e.example/./cb",
        "https://e.example/..",
    ),
    *(
        "https://e%78ample.com/",
        "https://ex\u00e4mple.com/",
        "https://example\u3002com/",
        "https://e.example/%zz",
    ),
    *("https://xn--a.example/", "https://xn--.example/", "https://xn--ascii-.example/", "https://[::1%25x]/"),
    *(
        "https://e.example/{id}",
        'https://e.example/"',
        "https://e.example/?<b>",
        "https://e.example/?'",
        "https://",
    ),
)
WEB_MEMBERS = (
    *("client_uri", "logo_uri", "tos_uri", "policy_uri", "jwks_uri", "sector_identifier_uri"),
    *("backchannel_logout_uri", "client_uri#de", "policy_uri#fr-CA"),
)


WEB = re.compile(r"https?:", re.IGNORECASE)


def mutated(rng: random.Random) -> str:
    """A good URL with pieces put in, left out, doubled or in another case."""
    text = rng.choice(SEEDS)
    for _ in range(rng.randint(1, 3)):
        at = rng.randint(0, len(text))
        match rng.randint(0, 5):
            case 0 | 1 | 2:
                text = text[:at] + rng.choice(MORE + PIECES) + text[at:]
            case 3:
                text = text[:at] + text[at : at + 1].swapcase() + text[at + 1 :]
            case 4:
                text = text[:at] + text[at + rng.randint(1, 3) :]
            case _:
                text = (
                    text[:at] + chr(rng.choice((rng.randint(0, 127), rng.randint(128, 0xD7FF)))) + text[at:]
                )
    return text


def unchanged(url: str) -> str:
    """The URL as the URL standard parses it, if it parses it like RFC 3986."""
    if not WEB.match(url):
        scheme, _, rest = url.partition(":")
        return f"{scheme.lower()}:{rest}"
    address = split_web_url(url)
    fragment = url[url.index("#") :] if "#" in url else ""
    return f"{address.scheme}://{address.authority}{address.target}{fragment}"


def accepted(url: str) -> bool:
    """Whether it passes the rule for URLs of clients."""
    with suppress(ValueError):
        check_uri(url)
        return True
    return False


def test_browsers_read_every_accepted_url_as_it_is_written() -> None:
    rng = random.Random(os.environ.get("DOORWARD_SOAK_SEED", "urls"))  # noqa: S311 -- repeatable
    urls = [url for url in (mutated(rng) for _ in range(URLS)) if accepted(url)]
    assert len(urls) > URLS / 20
    read = zip(urls, by_node(urls), strict=True)
    # The URL standard also refuses some internationalized names; then no browser goes anywhere.
    differing = [
        (url, href) for url, href in read if href != unchanged(url) and (href or "xn--" not in url.lower())
    ]
    assert differing == []


def test_what_is_shown_is_the_host_that_a_browser_goes_to() -> None:
    rng = random.Random("hosts")  # noqa: S311 -- repeatable
    urls = [url for url in (mutated(rng) for _ in range(URLS // 4)) if accepted(url)]
    web = [url for url in urls if WEB.match(url)]
    for url, href in zip(web, by_node(web), strict=True):
        if href is not None:
            assert href.split("/")[2] == destination_of(url)


@pytest.mark.parametrize("url", DISGUISES, ids=ascii)
def test_a_url_that_two_readers_take_for_two_is_refused_everywhere(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_web_address(url)
    for member in WEB_MEMBERS:
        with pytest.raises(OAuthError):
            parse_metadata({"redirect_uris": ["https://client.example/cb"], member: url})
    for member in ("redirect_uris", "post_logout_redirect_uris"):
        with pytest.raises(OAuthError):
            parse_metadata({"redirect_uris": ["https://client.example/cb"], member: [url]})


@pytest.mark.parametrize(
    "uri",
    [
        *(
            "app://evil\\@host/",
            "app://user@host/cb",
            "app://host:080/cb",
            "app://host/../cb",
            "app:/%2e%2E/x",
        ),
        *(
            "app:\\\\host",
            "app://ho st/",
            "app://h\tost/",
            "app:a/../b",
            "app://[::1",
            "app://h<b>/",
            "app:%",
        ),
    ],
    ids=ascii,
)
def test_a_uri_of_an_app_has_one_spelling_too(uri: str) -> None:
    assert not accepted(uri)


@pytest.mark.parametrize("url", SEEDS)
def test_plain_urls_are_accepted(url: str) -> None:
    check_uri(url)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://EXAMPLE.com/x", "example.com"),
        ("https://example.com:443", "example.com"),
        ("http://example.com:443/", "example.com:443"),
        ("https://[2001:DB8:0:0:0:0:0:1]:8443/", "[2001:db8::1]:8443"),
        ("https://my_app.example/", "my_app.example"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example"),
    ],
)
def test_the_authority_is_as_a_browser_shows_it(url: str, host: str) -> None:
    assert split_web_url(url).authority == host


@pytest.mark.parametrize(
    ("port", "accepted"), [("80", True), ("443", True), ("1023", False), ("1024", True), ("65535", True)]
)
def test_only_ports_of_the_web_are_asked(port: str, accepted: bool) -> None:
    url = f"https://client.example:{port}/"
    if accepted:
        assert parse_web_address(url).port == int(port)
        return
    with pytest.raises(ValueError, match="port"):
        parse_web_address(url)


@pytest.mark.parametrize("url", ["HTTPS://e.example/", "https://e.example/#x", "http://e.example/"])
def test_what_is_fetched_is_https_without_a_fragment(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        parse_web_address(url)


@pytest.mark.parametrize("start", ["https://client.example/", "com.example.app:/"])
def test_a_uri_has_at_most_2000_characters(start: str) -> None:
    check_uri(start)
    check_uri(start + "a" * (2_000 - len(start)))
    with pytest.raises(ValueError, match="it must be a plain"):
        check_uri(start + "a" * (2_001 - len(start)))


def test_the_name_of_a_host_has_at_most_253_characters() -> None:
    start = ".".join(["a" * 63] * 3) + "."
    assert split_web_url(f"https://{start}{'a' * 61}/").host == start + "a" * 61
    with pytest.raises(ValueError, match="the host is not a valid name"):
        split_web_url(f"https://{start}{'a' * 62}/")


@pytest.mark.parametrize(
    "label", ["xn--bcher-kva", "XN--bcher-kva", "xn--tda", "xn--j2bd4cyac6f", "xn--wgv71a"]
)
def test_a_label_may_be_an_internationalized_one(label: str) -> None:
    assert split_web_url(f"https://a.{label}.example/").host == f"a.{label.lower()}.example"


@pytest.mark.parametrize(
    "label",
    [
        *("xn--a-std", "xn--99999999", "xn--a", "xn---", "xn--ascii-", "xn--a-xbb", "xn--bcher-kvA2"),
        "xn--Bcher-3va",
    ],
)
def test_an_invalid_label_is_refused(label: str) -> None:
    with pytest.raises(ValueError, match="the host is not a valid name"):
        split_web_url(f"https://{label}.example/")


@pytest.mark.parametrize("host", ["[::1", "[:::1]", "[1.2.3.4]", "[1::2::3]"])
def test_what_stands_in_brackets_is_an_address(host: str) -> None:
    with pytest.raises(ValueError, match=r"not a valid IP address|must be a plain"):
        split_web_url(f"https://{host}/")


@pytest.mark.parametrize("uri", ["app://host:65536/cb", "https://a.example:65536/"])
def test_a_port_is_at_most_65535(uri: str) -> None:
    check_uri(uri.replace("65536", "65535"))
    with pytest.raises(ValueError, match="the port is not a valid number"):
        check_uri(uri)


@pytest.mark.parametrize(
    "url",
    [
        *("https://a_b.example/", "https://localhost/", "https://127.0.0.1/", "https://[::1]/"),
        *("https://10.0.0.1/", "https://[fe80::1]/", "http://a.example/", "https://a.example/#x"),
        *("https://a.example:25/", "https://a.example:1023/", "HTTPS://a.example/"),
    ],
)
def test_a_url_to_fetch_is_https_and_public(url: str) -> None:
    with pytest.raises(ValueError, match=r"host is not|must be|not a usual port"):
        parse_web_address(url)


@pytest.mark.parametrize(
    ("url", "loopback", "has_name"),
    [
        ("https://a.example/", False, True),
        ("https://a.example:1024/", False, True),
        ("https://8.8.8.8/", False, False),
        ("https://[2606:4700::1111]/", False, False),
        ("http://localhost:8080/", True, True),
        ("http://127.0.0.1/", True, False),
        ("http://[::1]/", True, False),
    ],
)
def test_this_machine_may_only_be_named_for_development(url: str, loopback: bool, has_name: bool) -> None:
    assert parse_web_address(url, loopback=loopback).has_name is has_name
    with pytest.raises(ValueError, match=r"must be https|not on the public"):
        parse_web_address("http://10.0.0.1/", loopback=True)
    with pytest.raises(ValueError, match="not on the public"):
        parse_web_address("https://10.0.0.1/", loopback=True)
