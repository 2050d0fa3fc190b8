"""Resource rules read URIs as servers do: compared with the URL standard as Node implements it (RS-14)."""

from __future__ import annotations

import os
import random
import time

import pytest

from resource_service.policy.rules import Policy, Scopes
from resource_service.policy.uris import MAX_CHARACTERS, is_regular, readings
from tests.resource_service.policy.node_uris import PIECES, by_node

pytestmark = pytest.mark.requirement("RS-14")

URIS = int(os.environ.get("DOORWARD_SOAK_URIS", "5000"))
READ, ADMIN, DEFAULT = Scopes({"read"}), Scopes({"admin"}), Scopes({"other"})
SECRETS = (
    *("notes://secret", "notes://list/secret", "notes:secret", "file:///srv/secret", "file:///srv/a%20b"),
    *("https://example.com/secret", "https://example.com", "http://127.0.0.1/secret", "ftp://h.example/s"),
)
POLICY = Policy(
    scopes={"read": "Read", "admin": "Everything", "other": "Other"},
    default=DEFAULT,
    resources={**dict.fromkeys(SECRETS, ADMIN), "*": READ},
)


def mutated(rng: random.Random) -> str:
    """A secret with pieces put in, characters in another case, encoded or left out."""
    text = rng.choice(SECRETS)
    for _ in range(rng.randint(1, 3)):
        at = rng.randint(0, len(text))
        match rng.randint(0, 4):
            case 0 | 1:
                text = text[:at] + rng.choice(PIECES) + text[at:]
            case 2:
                text = text[:at] + text[at : at + 1].swapcase() + text[at + 1 :]
            case 3 if at < len(text):
                text = f"{text[:at]}%{ord(text[at]):02x}{text[at + 1 :]}" if text[at] < "\x80" else text
            case _:
                text = text[:at] + text[at + 1 :]
    return text


def test_no_uri_that_the_url_standard_reads_as_restricted_passes_without_its_scopes() -> None:
    rng = random.Random(os.environ.get("DOORWARD_SOAK_SEED", "uris"))  # noqa: S311 -- repeatable
    uris = [mutated(rng) for _ in range(URIS)]
    restricted = {href for href in by_node(list(SECRETS)) if href}
    disguises = [uri for uri, href in zip(uris, by_node(uris), strict=True) if href in restricted]
    assert len(disguises) > URIS / 20
    passed = [uri for uri in disguises if not POLICY.for_resource(uri) >= ADMIN]
    assert passed == []


@pytest.mark.parametrize(
    "uri",
    [
        *("notes://sec\tret", "notes://secret ", " notes://secret", "notes://secret\x1f", "NOTES://secret"),
        *("notes://secret:", "notes://@secret", "notes://:@secret", "notes://u@secret", "notes://secret/"),
        *(
            "notes://secret?x",
            "notes://secret#x",
            "notes://%73ecret",
            "notes://secret\0x",
            "notes://secret:80",
        ),
        *("file:/srv/secret", "file:srv/secret", "file:\\srv\\secret", "file://localhost/srv/secret"),
        *("file:////srv/secret", "file:///srv/x/%2E%2e/secret", "file:///srv/a b", "file:///srv/secret/"),
        *("https:example.com/secret", "https:///example.com/secret", "https:\\\\example.com\\secret"),
        *("https://EXAMPLE.com:443/secret", "https://exa%6dple.com/secret", "https://example.com/"),
        *(
            "http://0x7f.1/secret",
            "http://2130706433/secret",
            "http://127.1:080/secret",
            "http:127.0.0.1/secret",
        ),
    ],
    ids=ascii,
)
def test_a_restricted_uri_in_disguise_needs_what_it_needs_undisguised(uri: str) -> None:
    assert POLICY.for_resource(uri) >= ADMIN


@pytest.mark.parametrize(
    ("uri", "reading"),
    [
        ("notes://mine/../yours", "notes://yours"),
        ("notes://h/a/b/c/../d", "notes://h/a/b/d"),
        ("notes:x/../a/b/", "notes:a/b/"),
        ("notes:a/b/c/../d", "notes:a/b/d"),
        ("notes://h:/a", "notes://h/a"),
        ("file:///a%20b/x/%2e%2e", "file:///a%20b/"),
        ("\x01 notes://a", "notes://a"),
        ("notes:%2561", "notes:a"),
        ("notes://h:007/a", "notes://h:7/a"),
        ("notes://:@h/a", "notes://h/a"),
        ("ftp://h:21/a", "ftp://h/a"),
        ("https://h:0000443/a", "https://h/a"),
        ("http:\\h\\a?b\\c", "http://h/a?b\\c"),
        ("http:?\\a", "http:///?\\a"),
        ("file:///a%20b/x/%2e%2e/c", "file:///a%20b/c"),
        ("file:///a%20b/%2E/c", "file:///a%20b/c"),
        ("file:///a%20b/x/y/%2e%2e/c", "file:///a%20b/x/c"),
        ("file:///a%20b/x/..", "file:///a%20b/"),
        ("http://ü.example/", "http://xn--tda.example/"),
        (f"http://\uff41{'b' * 252}/", f"http://a{'b' * 252}/"),
        ("http://0xff.1.1.1/", "http://255.1.1.1/"),
        ("http://0x1.2.3.4/", "http://1.2.3.4/"),
        ("http://1.16777215/", "http://1.255.255.255/"),
        ("http://16909060/", "http://1.2.3.4/"),
        ("http://010/", "http://0.0.0.8/"),
    ],
    ids=ascii,
)
def test_a_uri_is_also_read_as_this(uri: str, reading: str) -> None:
    assert reading in readings(uri)


@pytest.mark.parametrize(
    ("uri", "other"),
    [
        ("notes:!", "notes:"),
        ("notes:%252561", "notes:a"),
        ("notes://h:0/a", "notes://h/a"),
        ("notes://h:1/a", "notes://h/a"),
        ("notes://u@h/a", "notes://h/a"),
        ("https://h:80/a", "https://h/a"),
        ("http://localhost/a", "http:///a"),
        (f"http://\uff41{'b' * 253}/", f"http://a{'b' * 253}/"),
        ("http://256.1/", "http://0.0.0.1/"),
        ("http://1.16777216/", "http://2.0.0.0/"),
        ("http://1.16777217/", "http://2.0.0.1/"),
        ("http://1.2.3.256/", "http://1.2.4.0/"),
        ("http://1.2.3.4.0/", "http://1.2.3.4/"),
        ("http://1_0/", "http://0.0.0.10/"),
    ],
    ids=ascii,
)
def test_a_uri_is_not_read_as_this(uri: str, other: str) -> None:
    assert other not in readings(uri)


@pytest.mark.parametrize("host", ["08", f"ü{'a' * 70}", "xn--a"], ids=ascii)
def test_a_host_that_cannot_be_normalized_stays(host: str) -> None:
    assert f"http://{host}/a" in readings(f"http://{host}/a/b/..%2f../a")


def test_every_reading_appears_once_and_the_empty_name_represents_further_ones() -> None:
    every = list(readings("notes://a%2520b/c"))
    assert len(every) == len(set(every))
    assert "" not in every
    assert "" in readings("notes://a%252520b/c")


@pytest.mark.parametrize("uri", SECRETS)
def test_a_uri_as_the_policy_spells_it_needs_that_alone(uri: str) -> None:
    assert POLICY.for_resource(uri) == ADMIN


@pytest.mark.parametrize(
    "uri",
    ["notes://a b", "notes://a\t", "notes://%zz", "notes://ü", "http:/h/", "https:///h", "file:/x", "x"],
)
def test_what_servers_have_to_mend_needs_the_default_as_well(uri: str) -> None:
    assert not is_regular(uri)
    assert POLICY.for_resource(uri) == READ | DEFAULT


def test_where_a_rule_tells_a_query_apart_it_decides_alone() -> None:
    policy = Policy(
        scopes={"read": "Read", "admin": "Everything"},
        default=ADMIN,
        resources={"docs://page": ADMIN, "docs://page?public=*": READ},
    )
    assert policy.for_resource("docs://page?public=1") == READ


def test_a_rule_that_is_encoded_too_many_times_does_not_speak_for_others_that_are() -> None:
    policy = Policy(
        scopes={"read": "Read", "admin": "Everything"},
        default=ADMIN,
        resources={"notes://a%252561": READ, "notes://b*": READ},
    )
    assert policy.for_resource("notes://b") == READ
    assert policy.for_resource("notes://b%252561") == READ | ADMIN


@pytest.mark.requirement("RS-4")
@pytest.mark.parametrize(
    "uri",
    ["notes://" + "a/" * 100_000 + "../" * 100_000, "notes://" + "%2e%2e/" * 1_000, "http://" + "1" * 8_000],
)
def test_reading_a_uri_takes_time_in_proportion_to_it(uri: str) -> None:
    began = time.process_time()
    needed = POLICY.for_resource(uri)
    assert time.process_time() - began < 2
    assert len(uri) <= MAX_CHARACTERS or needed == READ | ADMIN | DEFAULT


def test_a_uri_of_more_than_8192_characters_needs_everything() -> None:
    longest = "notes://a/" + "b" * (8_192 - len("notes://a/"))
    assert POLICY.for_resource(longest) == READ
    assert POLICY.for_resource(f"{longest}b") == READ | ADMIN | DEFAULT
