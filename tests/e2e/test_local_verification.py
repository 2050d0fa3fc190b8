"""JWT access tokens of the real authorization server, decided on at the resource server, asking nobody."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from pydantic import SecretStr

from resource_service.introspection import revoked_grants
from resource_service.main import create_app
from resource_service.settings import ResourceSettings
from tests.auth_service.keypair import KeyPair
from tests.auth_service.service import RESOURCE_SECRET, SCOPES, AuthorizationServer, running
from tests.e2e.relay import Relay, relaying
from tests.flow import REDIRECT_URI, Client, Pkce
from tests.servers import free_port, wait_until

pytestmark = [pytest.mark.long, pytest.mark.requirement("AS-19"), pytest.mark.xdist_group("pair")]

OTHER = "https://other.example/mcp"
PATIENCE_S = 20


@dataclass
class Pair:
    """An authorization server, a relay in front of it, and where the resource server is to listen."""

    auth: AuthorizationServer
    relay: Relay
    port: int

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def questions(self) -> int:
        """How often the resource server has asked about a token."""
        return self.relay.count("/introspect")

    @contextmanager
    def resource_server(self, **settings: Any) -> Iterator[None]:
        """The resource server, for the length of the context; it asks through the relay."""
        usual: dict[str, Any] = {
            "resource": f"{self.origin}/mcp",
            "issuer": self.auth.issuer,
            "resource_secret": SecretStr(RESOURCE_SECRET),
            "introspection_endpoint": f"{self.relay.url}/introspect",
            "introspection_cache_s": 0,
            "verify_jwt_locally": True,
        }
        app = create_app(ResourceSettings(**{**usual, **settings}))
        with socket.create_server(("127.0.0.1", self.port)) as listener:
            server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
            thread = threading.Thread(target=server.run, args=([listener],), name="resource-server")
            thread.start()
            try:
                wait_until(lambda: server.started or not thread.is_alive())
                assert server.started
                yield
            finally:
                server.should_exit = True
                thread.join()

    def hello(self, token: str, scheme: str = "Bearer", **headers: str) -> int:
        """Show a token; the status."""
        credentials = {"Authorization": f"{scheme} {token}", **headers}
        return httpx2.get(
            f"{self.origin}/hello", headers=credentials, timeout=30, trust_env=False
        ).status_code

    def connect(self, client: Client | None = None, **parameters: str) -> dict[str, Any]:
        """The tokens of a whole code flow, for the resource server unless `parameters` say otherwise."""
        return self.auth.connect(client, **{"resource": f"{self.origin}/mcp", **parameters})

    def is_known(self, token: str) -> bool:
        """Whether a good token is let in without a question."""
        before = self.questions
        assert self.hello(token) == 200
        return self.questions == before

    def settle(self) -> dict[str, Any]:
        """Tokens that nobody is asked about, as soon as there are such."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.is_known((tokens := self.connect())["access_token"]):
            assert time.monotonic() < deadline, "every token is asked about"
        return tokens


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    port = free_port()
    resources = [
        {"resource": url, "name": "Notes", "scopes": SCOPES, "access_token_format": "jwt"}
        for url in (f"http://127.0.0.1:{port}/mcp", OTHER)
    ]
    servers = [{"id": "resource", "secret": RESOURCE_SECRET, "resources": resources}]
    directory: Path = tmp_path_factory.mktemp("local")
    with (
        running(f"sqlite:///{directory}/auth.sqlite3", resource_servers=servers) as auth,
        relaying(auth.origin) as relay,
    ):
        yield Pair(auth, relay, port)


@pytest.fixture(scope="module", autouse=True)
def _short_margin() -> Iterator[None]:
    """Both services have one clock here, so that no test need wait for a minute."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(revoked_grants, "MARGIN_S", 1)
        yield


@pytest.fixture(scope="class")
def shared_resource_server(pair: Pair) -> Iterator[None]:
    with pair.resource_server():
        yield


@pytest.mark.usefixtures("shared_resource_server")
class TestLive:
    def test_a_fresh_token_is_admitted_and_nobody_is_asked(self, pair: Pair) -> None:
        token = pair.settle()["access_token"]
        before = pair.questions
        assert [pair.hello(token) for _ in range(20)] == [200] * 20
        assert pair.questions == before

    @pytest.mark.requirement("AS-16", "SEC-9")
    def test_a_revoked_token_is_refused_within_a_second_or_so(self, pair: Pair) -> None:
        tokens = pair.settle()
        client = pair.auth.register()
        mine = pair.connect(client)["access_token"]
        assert pair.is_known(mine)
        assert client.revoke(mine).status_code == 200
        # A moment, when nothing else is to be done here.
        wait_until(lambda: pair.hello(mine) == 401, timeout_s=5)
        assert [pair.hello(mine) for _ in range(5)] == [401] * 5
        assert pair.is_known(tokens["access_token"]), "nobody else is concerned"

    @pytest.mark.requirement("AS-16")
    def test_a_refreshed_token_is_admitted_beside_the_one_before(self, pair: Pair) -> None:
        pair.settle()
        client = pair.auth.register()
        first = pair.connect(client, scope="notes:read offline_access")
        second = client.refresh(first["refresh_token"]).json()
        assert pair.is_known(first["access_token"])
        assert pair.is_known(second["access_token"])

    @pytest.mark.requirement("SEC-11", "RS-3")
    def test_what_is_not_a_token_for_us_is_refused_and_nobody_is_asked(self, pair: Pair) -> None:
        tokens = pair.connect(scope="openid notes:read")
        head, body, signature = tokens["access_token"].split(".")
        stranger = KeyPair("RS256").sign({"iss": pair.auth.issuer}, "at+jwt")
        refused = [
            tokens["id_token"],
            pair.connect(resource=OTHER)["access_token"],
            f"{head}.{body}.{signature[::-1]}",
            f"{head}.{body[::-1]}.{signature}",
            stranger,
            "a.b.c",
        ]
        before = pair.questions
        assert [pair.hello(token) for token in refused] == [401] * len(refused)
        assert pair.questions == before

    @pytest.mark.requirement("EXT-3")
    def test_a_bound_token_needs_its_key_here_too(self, pair: Pair) -> None:
        pair.settle()
        token, key = _bound(pair)
        before = pair.questions

        def proof() -> str:
            return key.proof("GET", f"{pair.origin}/hello", access_token=token)

        assert pair.hello(token, "DPoP", DPoP=proof()) == 200
        assert pair.hello(token) == 401
        assert pair.hello(token, DPoP=proof()) == 401
        stolen = KeyPair().proof("GET", f"{pair.origin}/hello", access_token=token)
        assert pair.hello(token, "DPoP", DPoP=stolen) == 401
        assert pair.questions == before

    @pytest.mark.requirement("AS-16", "SEC-15")
    def test_while_the_feed_is_cut_every_token_is_asked_about(self, pair: Pair) -> None:
        token = pair.settle()["access_token"]
        client = pair.auth.register()
        mine = pair.connect(client)["access_token"]
        assert pair.is_known(mine)
        pair.relay.cut("/revocations")
        try:
            wait_until(lambda: not pair.is_known(token), timeout_s=PATIENCE_S)
            assert client.revoke(mine).status_code == 200
            assert pair.hello(mine) == 401
        finally:
            pair.relay.mend("/revocations")
        pair.settle()
        assert pair.hello(mine) == 401
        assert not pair.is_known(token), "it is from before the gap"


@pytest.mark.requirement("AS-16", "SEC-9")
def test_a_restarted_resource_server_lets_in_nothing_that_was_revoked_meanwhile(pair: Pair) -> None:
    client = pair.auth.register()
    with pair.resource_server():
        pair.settle()
        token = pair.connect(client)["access_token"]
        assert pair.is_known(token)
    assert client.revoke(token).status_code == 200
    with pair.resource_server():
        assert pair.hello(token) == 401
        pair.settle()
        assert pair.hello(token) == 401


@pytest.mark.requirement("AS-15", "RS-7")
def test_signed_answers_of_the_real_server_are_taken(pair: Pair) -> None:
    client = pair.auth.register()
    token = pair.connect(client)["access_token"]
    with pair.resource_server(signed_introspection=True, verify_jwt_locally=False):
        assert pair.hello(token) == 200
        assert client.revoke(token).status_code == 200
        assert pair.hello(token) == 401


def _bound(pair: Pair) -> tuple[str, KeyPair]:
    """A token that is bound to a key."""
    client, pkce, key = pair.auth.register(), Pkce(), KeyPair()
    answer = pair.auth.person.authorize(client.authorization_url(pkce, resource=f"{pair.origin}/mcp"))
    form = {
        "grant_type": "authorization_code",
        "client_id": client.client_id,
        "code": answer["code"],
        "redirect_uri": REDIRECT_URI,
        "code_verifier": pkce.verifier,
    }
    url, nonce = f"{pair.auth.issuer}/token", None
    while True:
        response = pair.auth.http.post(url, data=form, headers={"DPoP": key.proof("POST", url, nonce=nonce)})
        if response.status_code == 200:
            return str(response.json()["access_token"]), key
        assert nonce is None, response.text
        nonce = response.headers["dpop-nonce"]
