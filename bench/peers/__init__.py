"""Other authorization servers, measured with the same requests: node-oidc-provider with Redis."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx2

from bench.operations import CONNECTIONS, Operation, code_flow, refresh_chain, repeated
from bench.processes import Place
from bench.traffic import Response
from tests.e2e.volley import post, request
from tests.flow import Pkce
from tests.servers import free_port

HERE = Path(__file__).parent
NAME = "oidc-provider"
RESOURCE = "https://mcp.example/mcp"
CALLBACK = "https://app.example/callback"
SECRET = secrets.token_urlsafe(32)
APP = {"client_id": "app", "client_secret": SECRET}
MACHINE = {"client_id": "machine", "client_secret": SECRET}
CLIENTS = [
    {
        **APP,
        "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "client_secret_post",
    },
    {
        **MACHINE,
        "grant_types": ["client_credentials"],
        "redirect_uris": [],
        "response_types": [],
        "token_endpoint_auth_method": "client_secret_post",
    },
    {
        "client_id": "resource",
        "client_secret": SECRET,
        "grant_types": [],
        "redirect_uris": [],
        "response_types": [],
        "token_endpoint_auth_method": "client_secret_basic",
    },
]


@contextmanager
def oidc_provider(store_url: str) -> Iterator[list[tuple[Place, Operation]]]:
    """Run node-oidc-provider. Yield its operations."""
    _install()
    port = free_port()
    configuration = {"port": port, "redis": store_url, "clients": CLIENTS, "resource": RESOURCE}
    command = [_program("node"), str(HERE / "oidc_provider.mjs"), json.dumps(configuration)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={"NODE_ENV": "production"}
    ) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == b"ready\n"
            yield [((port, process.pid), operation) for operation in _operations(f"http://127.0.0.1:{port}")]
        finally:
            process.terminate()


def _install() -> None:
    if not (HERE / "node_modules").exists():
        subprocess.run([_program("npm"), "ci", "--loglevel=error"], cwd=HERE, check=True)


def _program(name: str) -> str:
    program = shutil.which(name)
    if program is None:
        raise SystemExit(f"{name} is not installed")
    return program


def _operations(issuer: str) -> list[Operation]:
    pkce = Pkce()
    authorization, tokens = _connected(issuer, pkce)
    basic = "Basic " + b64encode(f"resource:{SECRET}".encode()).decode()
    introspect = post("/token/introspection", {"token": tokens[0]["access_token"]}, basic)
    machine = post("/token", {"grant_type": "client_credentials", "resource": RESOURCE, **MACHINE})

    def redemption(authorized: Response) -> bytes:
        return post("/token", _redemption(authorized.header("location"), pkce))

    return [
        Operation(name=f"{NAME}: introspect", scripts=repeated(introspect)),
        Operation(name=f"{NAME}: client_credentials", scripts=repeated(machine)),
        Operation(
            name=f"{NAME}: refresh, chained",
            scripts=[refresh_chain(token["refresh_token"], **APP) for token in tokens],
        ),
        Operation(
            name=f"{NAME}: code flow",
            scripts=[code_flow(authorization, redemption)] * CONNECTIONS,
            statuses={200, 303},
        ),
        Operation(
            name=f"{NAME}: server metadata",
            scripts=repeated(request("GET", "/.well-known/openid-configuration", {})),
        ),
    ]


def _connected(issuer: str, pkce: Pkce) -> tuple[bytes, list[dict[str, str]]]:
    """Log in. Return the authorization request of the session, and the tokens of many grants."""
    parameters = {
        "client_id": "app",
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": "notes:read notes:write",
        "code_challenge": pkce.challenge,
        "code_challenge_method": "S256",
        "state": "a state",
        "resource": RESOURCE,
    }
    path = f"/auth?{urlencode(parameters)}"
    with httpx2.Client(trust_env=False, timeout=30) as http:
        tokens = []
        for _ in range(CONNECTIONS):
            location = urljoin(issuer, path)
            while not location.startswith(CALLBACK):
                location = urljoin(location, http.get(location).headers["location"])
            tokens.append(http.post(f"{issuer}/token", data=_redemption(location, pkce)).json())
        cookies = "; ".join(f"{name}={value}" for name, value in http.cookies.items())
    return request("GET", path, {"Cookie": cookies}), tokens


def _redemption(location: str, pkce: Pkce) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(location).query)["code"][0],
        "redirect_uri": CALLBACK,
        "code_verifier": pkce.verifier,
        "resource": RESOURCE,
        **APP,
    }
