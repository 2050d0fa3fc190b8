"""Everything that clients, people and strangers do in a week, and what of it is still live."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.auth_service.endpoints.devices import Device
from tests.auth_service.signer import Signer
from tests.flow import Client, Person, Pkce
from tests.simulation.deployment import Simulated

HOUR_S = 3_600
DAY_S = 24 * HOUR_S
SESSION_S = 7 * DAY_S
GRANT_TYPES = ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"]


@dataclass
class Connection:
    """A client that a person connected."""

    client: Client
    tokens: dict[str, Any]
    grant_id: str


@dataclass
class Week:
    """Clients and people, who decide by chance.

    Attributes:
        live: the connections that go on.
        ended: those that were revoked.
        left: the clients that got a code and never redeemed it.
        machines: those that act for themselves.
        logins_s: when somebody logged in, in seconds of the simulation.
        requests: how often something was asked of the server.
    """

    deployment: Simulated
    person: Person
    document_client: Callable[[], Client]
    chance: random.Random
    live: list[Connection] = field(default_factory=list)
    ended: list[Connection] = field(default_factory=list)
    left: list[Client] = field(default_factory=list)
    machines: list[Client] = field(default_factory=list)
    logins_s: list[float] = field(default_factory=list)
    requests: int = 0

    def round(self, connections: int) -> None:
        """Everything once, in a random order; `connections` people connect a client."""
        acts = [
            *[self.connect] * connections,
            *[self.register_junk] * 2 * connections,
            self.connect_document,
            self.revoke,
            self.leave_requests,
            self.leave_code,
            self.connect_device,
            self.fail_to_log_in,
            self.ask_without_connection,
            self.prove_possession,
            self.log_in_again,
        ]
        if self.deployment.passed_s % SESSION_S == 0:
            self.logins_s.append(self.deployment.passed_s)  # the person, on the way to the first consent
        self.chance.shuffle(acts)
        for act in acts:
            act()
        self.refresh_all()

    def sessions(self) -> int:
        """How many sessions have not expired."""
        now = self.deployment.passed_s
        return sum(now - login < SESSION_S for login in self.logins_s)

    def refresh_all(self) -> None:
        for connection in self.live:
            self.refresh(connection)

    def connect(self, client: Client | None = None) -> None:
        client = client or self.deployment.server.register(grant_types=GRANT_TYPES)
        self.keep(client, client.connect(self.person))

    def connect_document(self) -> None:
        self.connect(self.document_client())

    def keep(self, client: Client, tokens: dict[str, Any]) -> None:
        grant_id = self.deployment.server.introspect(tokens["access_token"])["grant_id"]
        self.live.append(Connection(client, tokens, grant_id))
        self.requests += 8

    def refresh(self, connection: Connection) -> None:
        response = connection.client.refresh(connection.tokens["refresh_token"])
        assert response.status_code == 200, response.text
        connection.tokens = response.json()
        assert self.deployment.server.is_active(connection.tokens["access_token"])
        self.requests += 2

    def revoke(self) -> None:
        if self.live:
            connection = self.live.pop(self.chance.randrange(len(self.live)))
            assert connection.client.revoke(connection.tokens["refresh_token"]).status_code == 200
            assert not self.deployment.server.is_active(connection.tokens["access_token"])
            self.ended.append(connection)
            self.requests += 2

    def register_junk(self) -> None:
        self.deployment.server.register(client_name=f"junk {self.chance.random()}")
        self.requests += 1

    def leave_requests(self) -> None:
        """Push a request, open another, and go away; the same with a metadata document."""
        client = self.deployment.server.register()
        for each in (client, self.document_client()):
            self.person.browser.get(each.authorization_url(Pkce()))
        form = dict(httpx2.URL(client.authorization_url(Pkce())).params)
        assert self.deployment.server.post("/par", **form).status_code == 201
        self.requests += 4

    def leave_code(self) -> None:
        client = self.deployment.server.register()
        assert "code" in self.person.authorize(client.authorization_url(Pkce()))
        self.left.append(client)
        self.requests += 4

    def connect_device(self) -> None:
        """One device is allowed, another one is forgotten."""
        for allowed in (True, False):
            device = Device(self.deployment.server)
            device.begin(scope="notes:read")
            if allowed:
                assert device.decide(self.person).status_code == 200
                response = device.poll()
                assert response.status_code == 200, response.text
                self.keep(device.client, response.json())
            self.requests += 3

    def fail_to_log_in(self) -> None:
        stranger = Person("wesen", "wrong", trust_env=False)
        page = stranger.open(f"{self.deployment.server.issuer}/login")
        assert stranger.log_in(page).status_code in (200, 400, 401, 403)
        stranger.close()
        self.requests += 2

    def ask_without_connection(self) -> None:
        for path in ("/token", "/revoke", "/introspect", "/userinfo"):
            response = self.deployment.server.post(path, token="dw_rt_junk", client_id="nobody")
            assert response.status_code < 500
        self.requests += 4

    def prove_possession(self) -> None:
        """Authenticate with an assertion, whose `jti` is remembered."""
        signer, server = Signer(), self.deployment.server
        client = server.register(
            grant_types=["client_credentials"],
            redirect_uris=[],
            token_endpoint_auth_method="private_key_jwt",
            jwks=signer.jwks,
        )
        assertion = signer.assertion(client.client_id, server.issuer, now=server.clock())
        form = {"grant_type": "client_credentials", "client_assertion": assertion}
        response = server.post(
            "/token", **form, client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        )
        assert response.status_code == 200, response.text
        self.machines.append(client)
        self.requests += 2

    def log_in_again(self) -> None:
        """Log in at another browser, which is then closed."""
        other = Person(trust_env=False)
        other.log_in(other.open(f"{self.deployment.server.issuer}/account"))
        other.close()
        self.logins_s.append(self.deployment.passed_s)
        self.requests += 3
