"""An administrator who uses the admin API through a client of the operator, for the tests of it."""

from __future__ import annotations

import secrets
from typing import Any

import httpx2

from auth_service.protocol.admin_access import SCOPE
from tests.auth_service.service import AuthorizationServer
from tests.flow import Client, Person

REDIRECT = "https://admin-tool.example/cb"


def admin_tool(server: AuthorizationServer, **metadata: Any) -> Client:
    """A client that the operator created to administer this server for people."""
    usual = {
        "client_name": "Admin tool",
        "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "scope": SCOPE,
    }
    return server.operator_registers(**{**usual, **metadata})


def admin_worker(server: AuthorizationServer, **metadata: Any) -> Client:
    """A client that the operator created to administer this server by itself."""
    usual = {
        "client_name": "Admin worker",
        "grant_types": ["client_credentials"],
        "response_types": [],
        "token_endpoint_auth_method": "client_secret_post",
        "scope": SCOPE,
    }
    return server.operator_registers(**{**usual, **metadata})


def worker_token(server: AuthorizationServer, worker: Client, **parameters: str) -> httpx2.Response:
    """The answer to a request for a token of the worker."""
    return server.post(
        "/token",
        grant_type="client_credentials",
        client_id=worker.client_id,
        client_secret=worker.information["client_secret"],
        resource=f"{server.issuer}/admin/api",
        **parameters,
    )


class AdminApiClient:
    """Sends requests with an access token."""

    def __init__(self, server: AuthorizationServer, token: str) -> None:
        self.server, self.token = server, token

    @classmethod
    def of_administrator(cls, server: AuthorizationServer, person: Person | None = None) -> AdminApiClient:
        """One for the demo user, who is an administrator, or for another person."""
        resource = f"{server.issuer}/admin/api"
        if person is None:
            server.person.browser.cookies.clear()  # other tests may have logged in ten minutes ago
        tokens = admin_tool(server).connect(person or server.person, resource=resource, scope=SCOPE)
        return cls(server, tokens["access_token"])

    @classmethod
    def of_worker(cls, server: AuthorizationServer) -> AdminApiClient:
        """One for a client that acts for itself."""
        return cls(server, worker_token(server, admin_worker(server)).json()["access_token"])

    def send(self, method: str, path: str, body: object = None, **headers: str) -> httpx2.Response:
        """The answer to a request; a POST has a new Idempotency-Key unless `headers` have one."""
        usual = {"Authorization": f"Bearer {self.token}"}
        if method == "POST":
            usual["Idempotency-Key"] = secrets.token_hex(8)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.server.http.request(
            method,
            f"{self.server.origin}/admin/api{path}",
            json=body,
            headers={**usual, **named},
        )

    def get(self, path: str) -> Any:
        """The JSON at a path."""
        response = self.send("GET", path)
        assert response.status_code == 200, response.text
        return response.json()

    def done(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """The JSON of the answer to a request that succeeds; None without a body."""
        response = self.send(method, path, body, **headers)
        assert response.status_code in (200, 201, 204), response.text
        return response.json() if response.content else None
