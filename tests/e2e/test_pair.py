"""The two services together: what the one says of a token, and what the other makes of it."""

from __future__ import annotations

import asyncio
import itertools
import math
import secrets
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.cli.command import doorward
from tests.e2e.dump import dump
from tests.e2e.load import puts_off
from tests.e2e.services import Deployment, Service, deployed, start
from tests.e2e.volley import battery, request
from tests.flow import Client, Person, Pkce
from tests.servers import free_port

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("pair")]

OTHER = "https://other.example/mcp"
BUSY = 20
CONTENT_TYPES = ["application/x-www-form-urlencoded", "application/json", "text/plain"]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """An authorization server of two resource servers, ours and one that is elsewhere."""
    directory = tmp_path_factory.mktemp("pair")
    other = {
        "id": "other",
        "secret": secrets.token_urlsafe(32),
        "resources": [{"resource": OTHER, "name": "Other"}],
    }
    with deployed(
        f"sqlite:///{directory}/auth.sqlite3", directory, more_resource_servers=[other]
    ) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Another pair, which has nothing to do with ours, and one resource only."""
    directory = tmp_path_factory.mktemp("stranger")
    with deployed(f"sqlite:///{directory}/auth.sqlite3", directory) as deployment:
        yield deployment


@pytest.fixture
def client(pair: Deployment, http: httpx2.Client) -> Client:
    return Client.register(pair.issuer, http)


def connect(pair: Deployment, client: Client, person: Person, **parameters: str) -> dict[str, str]:
    tokens: dict[str, str] = client.connect(person, **{"resource": pair.mcp_url, **parameters})
    return tokens


def is_refused(answer: httpx2.Response) -> bool:
    """Whether a token was refused in the way that makes a client log in again."""
    challenge = answer.headers.get("www-authenticate", "")
    return answer.status_code == 401 and 'error="invalid_token"' in challenge


@pytest.mark.requirement("RS-3", "SEC-11")
def test_a_token_of_another_issuer_is_refused(
    pair: Deployment, stranger: Deployment, http: httpx2.Client, person: Person
) -> None:
    theirs = Client.register(stranger.issuer, http).connect(person)["access_token"]
    assert stranger.hello(theirs).status_code == 200
    assert is_refused(pair.hello(theirs))


@pytest.mark.requirement("RS-3", "SEC-11", "SEC-10", "AS-14")
def test_a_token_for_another_resource_is_refused(pair: Deployment, client: Client, person: Person) -> None:
    elsewhere = connect(pair, client, person, resource=OTHER)["access_token"]
    assert is_refused(pair.hello(elsewhere))
    assert pair.hello(connect(pair, client, person)["access_token"]).status_code == 200


@pytest.mark.requirement("RS-3", "SEC-10")
def test_nothing_but_an_access_token_is_taken_for_one(
    pair: Deployment, http: httpx2.Client, person: Person
) -> None:
    client = Client.register(pair.issuer, http, token_endpoint_auth_method="client_secret_basic")
    pkce = Pkce()
    code = person.authorize(client.authorization_url(pkce, resource=pair.mcp_url))["code"]
    assert is_refused(pair.hello(code))
    tokens = connect(pair, client, person, scope="openid notes:read offline_access")
    assert pair.hello(tokens["access_token"]).status_code == 200
    others = [tokens["refresh_token"], tokens["id_token"]]
    others += [
        client.information[name] for name in ("client_secret", "registration_access_token", "client_id")
    ]
    others += [tokens["access_token"][:-1], tokens["access_token"] + "A", tokens["access_token"].swapcase()]
    assert [token for token in others if not is_refused(pair.hello(token))] == []


@pytest.mark.requirement("AS-16", "SEC-9")
async def test_a_revoked_token_is_refused_within_a_second_however_busy_the_resource_server_is(
    pair: Deployment, client: Client, person: Person
) -> None:
    token = connect(pair, client, person)["access_token"]
    asks = [request("GET", "/hello", {"Authorization": f"Bearer {token}"})] * BUSY
    now, revoked_at = asyncio.get_running_loop().time, math.inf
    seen: list[tuple[float, set[int]]] = []
    async with battery([pair.resource.port], BUSY) as lines:
        while now() < revoked_at + 1.5:
            began = now()
            seen.append((began, {answer.status for answer in await lines.fire(asks)}))
            if len(seen) == 5:
                assert client.revoke(token).status_code == 200
                revoked_at = now()
    before = [statuses for began, statuses in seen if began < revoked_at]
    after = [statuses for began, statuses in seen if began >= revoked_at + 1]
    assert before == [{200}] * 5
    assert after
    assert set.union(*after) == {401}


@pytest.mark.requirement("SEC-7", "AS-16")
def test_a_disabled_user_is_out_at_once_everywhere(pair: Deployment, client: Client, tmp_path: Path) -> None:
    def users(*arguments: str, stdin: str = "") -> None:
        done = doorward("users", *arguments, cwd=tmp_path, stdin=stdin, DOORWARD_STORE=pair.store_url)
        assert done.returncode == 0, done.stderr

    users("add", "ada", stdin="a password of her own\n")
    ada = Person("ada", "a password of her own", trust_env=False)
    tokens = connect(pair, client, ada)
    users("disable", "ada")
    assert is_refused(pair.hello(tokens["access_token"]))
    assert client.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert ada.open(f"{pair.issuer}/account").url.path == "/login"
    ada.close()


@pytest.mark.requirement("RS-7", "SEC-15")
def test_a_resource_server_with_a_wrong_secret_of_its_own_refuses_nobodys_token(
    pair: Deployment, client: Client, person: Person, tmp_path: Path
) -> None:
    token = connect(pair, client, person)["access_token"]
    settings = {**pair.resource.settings, "DOORWARD_RESOURCE_SECRET": secrets.token_urlsafe(32)}
    wrong = Service("resource", free_port(), settings, tmp_path / "resource.log")
    try:
        start([wrong])
        answer = httpx2.get(
            f"{wrong.url}/hello", headers={"Authorization": f"Bearer {token}"}, trust_env=False
        )
        assert puts_off(answer)
        assert "refused the credentials of this resource server" in wrong.log
    finally:
        wrong.kill()


@pytest.mark.requirement("RS-10")
def test_a_client_of_2025_03_26_finds_everything_at_the_origin_of_the_mcp_server(
    stranger: Deployment, http: httpx2.Client, person: Person
) -> None:
    client, pkce = Client.register(stranger.resource.url, http), Pkce()
    redirect = http.get(client.authorization_url(pkce))
    answer = person.authorize(redirect.headers["location"])
    assert answer["iss"] == stranger.issuer
    tokens = client.redeem(answer["code"], pkce).json()
    renewed = client.refresh(tokens["refresh_token"]).json()
    assert stranger.hello(renewed["access_token"]).status_code == 200


BODIES = [
    b"",
    b"\xff\xfe\x00",
    b"{",
    b"[]",
    b"null",
    b'{"redirect_uris": 1}',
    b'{"redirect_uris": ["javascript:alert(1)"]}',
    b'{"redirect_uris": ["https://a.example/"], "scope": "\\ud800"}',
    b"[" * 50_000,
    b"a" * 70_000,
    b"grant_type=%ff",
    b"grant_type=authorization_code&grant_type=refresh_token",
    b"grant_type=authorization_code&code=dw_ac_" + b"A" * 64,
    b"grant_type=refresh_token&refresh_token=%00&client_id=%0d%0a",
    b"grant_type=client_credentials&client_id=x&client_secret=y",
]
QUERIES = [
    "",
    "client_id=%00",
    "client_id=a&client_id=b",
    "client_id=" + "a" * 10_000,
    "%ff=%fe",
    "pending=x",
]


@pytest.mark.requirement("SEC-17", "SEC-2")
def test_bad_input_gets_a_clear_error_and_changes_nothing(pair: Deployment, http: httpx2.Client) -> None:
    before = contents(pair)
    for url in (pair.issuer, pair.resource.url):
        for path, content_type, body in itertools.product(["/token", "/register"], CONTENT_TYPES, BODIES):
            answer = http.post(f"{url}{path}", content=body, headers={"Content-Type": content_type})
            assert 400 <= answer.status_code < 500, (url, path, content_type, body[:80], answer.text)
            assert answer.json()["error"], (url, path, body[:80])
        for query in QUERIES:
            answer = http.get(f"{url}/authorize?{query}", follow_redirects=True)
            assert answer.status_code == 400, (url, query)
            assert answer.headers["content-type"].startswith("text/html")
    assert contents(pair) == before


def contents(pair: Deployment) -> set[tuple[str, tuple[bytes, ...]]]:
    """The contents of the store without the counters of the rate limits."""
    entries = [entry for entry in dump(pair.store_url) if not entry.key.startswith("doorward:count:")]
    return {(entry.key, entry.values) for entry in entries if entry.key != "doorward:ping"}
