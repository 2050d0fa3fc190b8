"""The measured operations of the authorization server, each as scripts for its connections."""

from __future__ import annotations

import json
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx2

from bench.load import Script
from bench.traffic import Connection, Response
from tests.e2e.services import Deployment
from tests.e2e.volley import post, request
from tests.flow import Client, Person, Pkce

CONNECTIONS = 32
SEE_OTHER = 303
SETTINGS = {
    "DOORWARD_OPEN_CLIENT_CREDENTIALS": "true",
    "DOORWARD_MAX_CLIENTS": "10000000",
    "DOORWARD_LOG_LEVEL": "warning",
}
METADATA = {
    "redirect_uris": ["http://localhost/"],
    "grant_types": ["authorization_code", "refresh_token"],
    "token_endpoint_auth_method": "none",
}
_JSON = {"Content-Type": "application/json"}


async def nothing() -> None:
    """Prepare nothing."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One kind of request.

    Attributes:
        scripts: one for each connection.
        statuses: of the responses.
        at_least: the target speed, as a multiple of the baseline's; None without a target.
        prepare: awaited before each turn, outside the measured time.
        needs_no_store: whether the requests must cause no command to Redis, which is checked.
    """

    name: str
    scripts: Sequence[Script]
    statuses: Collection[int] = frozenset({200})
    at_least: float | None = None
    prepare: Callable[[], Awaitable[None]] = nothing
    needs_no_store: bool = False


def repeated(bytes_: bytes, connections: int = CONNECTIONS) -> list[Script]:
    """Return scripts that send the same request over and over."""
    return [lambda _: bytes_] * connections


def operations(deployment: Deployment) -> list[Operation]:
    """Prepare the operations and return them."""
    person = Person(trust_env=False)
    with httpx2.Client(trust_env=False, timeout=30) as http:
        client = Client.register(deployment.issuer, http)
        tokens = client.connect(person, resource=deployment.mcp_url)
        refreshing = [
            refresh_chain(
                client.connect(person, resource=deployment.mcp_url)["refresh_token"],
                client_id=client.client_id,
            )
            for _ in range(CONNECTIONS)
        ]
        machine = Client.register(
            deployment.issuer,
            http,
            grant_types=["client_credentials"],
            token_endpoint_auth_method="client_secret_post",  # noqa: S106 -- the name of a method
        ).information
        # Consent to a client that cannot be impersonated is remembered.
        app = Client.register(
            deployment.issuer,
            http,
            redirect_uris=["https://app.example/callback"],
            token_endpoint_auth_method="client_secret_post",  # noqa: S106
        )
        app.connect(person, resource=deployment.mcp_url)
    authorization, pkce = _authorization(deployment, app, person)
    person.close()
    introspect = post("/introspect", {"token": tokens["access_token"]}, deployment.authorization)
    junk = post("/introspect", {"token": f"dw_at_{secrets.token_urlsafe(48)}"}, deployment.authorization)
    credentials = {name: str(machine[name]) for name in ("client_id", "client_secret")}
    machine_token = post("/token", {"grant_type": "client_credentials", **credentials})
    redemptions = Redemptions(deployment.auth[0].port, app, authorization, pkce)
    return [
        Operation(name="introspect", scripts=repeated(introspect), at_least=1.6),
        Operation(name="introspect, one connection", scripts=repeated(introspect, 1)),
        Operation(name="introspect, not a token", scripts=repeated(junk), at_least=1.8, needs_no_store=True),
        Operation(name="client_credentials", scripts=repeated(machine_token), at_least=0.7),
        Operation(name="refresh, chained", scripts=refreshing, at_least=0.5),
        Operation(
            name="code redemption",
            scripts=[redemptions.next] * CONNECTIONS,
            at_least=0.4,
            prepare=redemptions.prepare,
        ),
        Operation(name="register", scripts=repeated(_registration()), statuses={201}, at_least=0.4),
        Operation(name="authorize", scripts=repeated(authorization), statuses={303}, at_least=0.4),
        Operation(
            name="code flow",
            scripts=[code_flow(authorization, redemptions.redemption)] * CONNECTIONS,
            statuses={200, 303},
        ),
        Operation(
            name="server metadata",
            scripts=repeated(request("GET", "/.well-known/oauth-authorization-server", {})),
            at_least=1.8,
        ),
        Operation(name="JWK Set", scripts=repeated(request("GET", "/jwks", {})), at_least=1.8),
    ]


class Redemptions:
    """Redeems codes, which are created before each turn, depending on how many the last turn used."""

    def __init__(self, port: int, client: Client, authorization: bytes, pkce: Pkce) -> None:
        self._port, self._client = port, client
        self._authorization, self._pkce = authorization, pkce
        self._requests: deque[bytes] = deque()
        self._used = CONNECTIONS

    def next(self, _: Response | None) -> bytes | None:
        """Return the next redemption, or None if all codes are used."""
        with suppress(IndexError):
            self._used += 1
            return self._requests.popleft()
        return None

    async def prepare(self) -> None:
        """Get 1.5 times as many codes as the last turn used."""
        wanted = int(self._used * 1.5)
        self._used = 0
        self._requests.clear()
        connection = await Connection.open(self._port)
        for _ in range(wanted):
            self._requests.append(self.redemption(await connection.exchange(self._authorization)))
        connection.close()

    def redemption(self, authorized: Response) -> bytes:
        """Return the request that redeems the code of an authorization response."""
        code = parse_qs(urlsplit(authorized.header("location")).query)["code"][0]
        return post(
            "/token",
            {
                "grant_type": "authorization_code",
                "client_id": self._client.client_id,
                "client_secret": self._client.information["client_secret"],
                "code": code,
                "redirect_uri": self._client.information["redirect_uris"][0],
                "code_verifier": self._pkce.verifier,
            },
        )


def code_flow(authorization: bytes, redemption: Callable[[Response], bytes]) -> Script:
    """Return a script that alternates between an authorization request and the redemption of its code."""

    def script(response: Response | None) -> bytes:
        is_authorized = response is not None and response.status == SEE_OTHER
        return redemption(response) if response is not None and is_authorized else authorization

    return script


def refresh_chain(first: str, **credentials: str) -> Script:
    """Return a script that refreshes with the token of the previous response."""
    current = first

    def script(response: Response | None) -> bytes:
        nonlocal current
        if response is not None:
            current = json.loads(response.body)["refresh_token"]
        return post("/token", {"grant_type": "refresh_token", "refresh_token": current, **credentials})

    return script


def _registration() -> bytes:
    return request("POST", "/register", _JSON, json.dumps(METADATA))


def _authorization(deployment: Deployment, client: Client, person: Person) -> tuple[bytes, Pkce]:
    """Return an authorization request of a person who is logged in and has agreed before."""
    pkce = Pkce()
    url = urlsplit(client.authorization_url(pkce, resource=deployment.mcp_url))
    cookies = "; ".join(f"{name}={value}" for name, value in person.browser.cookies.items())
    return request("GET", f"{url.path}?{url.query}", {"Cookie": cookies}), pkce
