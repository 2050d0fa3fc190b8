"""Identity providers, run here: npm's and another Doorward. And the people who log in there."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol
from urllib.parse import urljoin

import httpx2

from auth_service.access.components import AccessComponents
from shared.storage import Store
from tests.auth_service.service import AuthorizationServer
from tests.flow import Client, Person, forms_of
from tests.interop.libraries.npm import HERE, install
from tests.servers import free_port

CLIENT_ID, CLIENT_SECRET = "doorward", "a secret of doorward, at the provider"


class Provider(Protocol):
    """An identity provider whose people are in groups."""

    provider_id: str
    issuer: str
    logout_path: str

    def configuration(self, **changes: Any) -> dict[str, Any]: ...

    def running(self, doorward: str) -> AbstractContextManager[None]: ...

    def set_people(self, *, groups: dict[str, list[str]] | None = None) -> None: ...


class NpmProvider:
    """`oidc-provider` of npm, at an address that is known before it starts.

    Args:
        groups: of the people who have any, by name.
    """

    provider_id = "npm"
    logout_path = "session/end"

    def __init__(self, **groups: list[str]) -> None:
        install()
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self._groups = groups
        self._process: subprocess.Popen[str] | None = None

    def configuration(self, **changes: Any) -> dict[str, Any]:
        """For `DOORWARD_IDENTITY_PROVIDERS`."""
        return {
            "id": "npm",
            "issuer": self.issuer,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "label": "npm",
            **changes,
        }

    def _client(self, doorward: str) -> dict[str, Any]:
        """Our registration there."""
        return {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "redirect_uris": [f"{doorward}/callback/npm"],
            "grant_types": ["authorization_code", "refresh_token"],
            "post_logout_redirect_uris": [f"{doorward}/logged-out"],
            "backchannel_logout_uri": f"{doorward}/backchannel-logout/npm",
            "backchannel_logout_session_required": True,
        }

    @contextmanager
    def running(self, doorward: str) -> Iterator[None]:
        """It serves the issuer `doorward` for the length of the context."""
        configuration = {"port": self.port, "client": self._client(doorward), "groups": self._groups}
        command = ["node", str(HERE / "identity_provider.mjs"), json.dumps(configuration)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as self._process:
            try:
                self._wait_for("ready\n")
                yield
            finally:
                self._process.kill()

    def set_people(
        self, *, groups: dict[str, list[str]] | None = None, missing: tuple[str, ...] = ()
    ) -> None:
        """Change who is in which groups, and whose accounts are deleted."""
        people = {"groups": self._groups if groups is None else groups, "missing": missing}
        assert self._process
        assert self._process.stdin
        self._process.stdin.write(json.dumps(people) + "\n")
        self._process.stdin.flush()
        self._wait_for("done\n")

    def _wait_for(self, line: str) -> None:
        """Read its output up to `line`; its warnings come before that."""
        assert self._process
        assert self._process.stdout
        assert line in iter(self._process.stdout.readline, "")


class DoorwardProvider:
    """Another Doorward, in whose local groups people are.

    Args:
        groups: of the people who have any, by username.
    """

    provider_id = "doorward"
    logout_path = "logout"
    PASSWORD = "seven moss harbours"

    def __init__(self, server: AuthorizationServer, **groups: list[str]) -> None:
        self.server, self.issuer = server, server.issuer
        self._groups = groups
        self._members: set[tuple[str, str]] = set()
        for name in groups:
            server.add_user(name, self.PASSWORD).close()
        self.set_people()
        self.client = self._registered(redirect_uris=["http://127.0.0.1:1/callback/doorward"])

    def _registered(self, **metadata: Any) -> Client:
        scopes = "openid profile groups offline_access"
        return self.server.register(
            token_endpoint_auth_method="client_secret_basic",
            scope=scopes,
            **metadata,
        )

    def configuration(self, **changes: Any) -> dict[str, Any]:
        """For `DOORWARD_IDENTITY_PROVIDERS`."""
        return {
            "id": self.provider_id,
            "preset": "doorward",
            "issuer": self.issuer,
            "client_id": self.client.client_id,
            "client_secret": self.client.information["client_secret"],
            **changes,
        }

    @contextmanager
    def running(self, doorward: str) -> Iterator[None]:
        """It serves the issuer `doorward`: the registration gets the addresses that were not known before."""
        registered = self.client.information
        kept = ("client_id", "client_secret", "client_name", "scope")
        response = self.server.http.put(
            registered["registration_client_uri"],
            json={
                **{name: registered[name] for name in kept},
                "grant_types": registered["grant_types"],
                "token_endpoint_auth_method": registered["token_endpoint_auth_method"],
                "redirect_uris": [f"{doorward}/callback/doorward"],
                "post_logout_redirect_uris": [f"{doorward}/logged-out"],
                "backchannel_logout_uri": f"{doorward}/backchannel-logout/doorward",
            },
            headers={"Authorization": f"Bearer {registered['registration_access_token']}"},
        )
        assert response.status_code == 200, response.text
        yield

    def set_people(self, *, groups: dict[str, list[str]] | None = None) -> None:
        """Change who is in which groups."""
        wanted = self._groups if groups is None else groups
        members = {(group, name) for name, theirs in wanted.items() for group in theirs}

        async def change(store: Store) -> None:
            local = AccessComponents.of_store(store, self.server.clock, None).groups
            for group, name in members - self._members:
                await local.add(group, name)
            for group, name in self._members - members:
                await local.remove(group, name)

        self.server.with_store(change)
        self._members = members


class Traveller(Person):
    """Somebody who is sent to a provider and back, and says yes on the way.

    Args:
        provider_id: whose button they press at the login.
        issuers: the authorization server that has the button, and the provider.
    """

    def __init__(
        self, username: str, provider_id: str, issuers: tuple[str, str], password: str = "any"
    ) -> None:
        super().__init__(username, password, trust_env=False)
        self.provider_id, self.issuers = provider_id, issuers
        self.stops_at: str | None = None

    def follow(self, response: httpx2.Response) -> httpx2.Response:
        """Follow redirects for as long as they stay at the two."""
        while "location" in response.headers:
            location = urljoin(str(response.url), response.headers["location"])
            if not any(location.startswith(f"{issuer}/") for issuer in self.issuers):
                return response
            if self.stops_at and location.startswith(self.stops_at):
                return response
            response = self.browser.get(location)
        return response

    def leave(self, page: httpx2.Response) -> httpx2.Response:
        """Press the button of the provider; the first page there that asks something."""
        button = next(f for f in forms_of(page.text) if f.action.endswith(f"login/{self.provider_id}"))
        return self.follow(self.browser.post(urljoin(str(page.url), button.action), data=button.fields))

    def log_in_through(self, page: httpx2.Response) -> httpx2.Response:
        """Press the button, and log in at the provider."""
        page = self.leave(page)
        while str(page.url).startswith(self.issuers[1]):
            page = self._answer(page, "allow", ())
        return page

    def callback(self) -> str:
        """Log in at the provider, but do not come back; the URL that would lead back."""
        self.stops_at = f"{self.issuers[0]}/callback/"
        page = self.leave(self.open(f"{self.issuers[0]}/login"))
        while "location" not in page.headers:
            page = self._answer(page, "allow", ())
        self.stops_at = None
        return str(page.headers["location"])

    def log_out(self) -> httpx2.Response:
        """Log out here, and at the provider, which may ask; where that ends."""
        form = forms_of(self.open(f"{self.issuers[0]}/logout").text)[0]
        page = self.follow(self.browser.post(f"{self.issuers[0]}/logout", data=form.fields))
        return self.confirm_logout(page)

    def confirm_logout(self, page: httpx2.Response) -> httpx2.Response:
        """Say yes for as long as the provider asks."""
        while str(page.url).startswith(self.issuers[1]) and (forms := forms_of(page.text)):
            data = {**forms[0].fields, "logout": "yes"}
            page = self.follow(self.browser.post(urljoin(str(page.url), forms[0].action), data=data))
        return page

    def _answer(self, page: httpx2.Response, decision: str, untick: tuple[str, ...]) -> httpx2.Response:
        fields = forms_of(page.text)[0].fields
        if "password" in fields and str(page.url).startswith(self.issuers[0]):
            return self.log_in_through(page)
        if "login" in fields:
            return self.submit(page, {"login": self.username, "password": self.password})
        if fields.get("prompt") == "consent":
            return self.submit(page, {})
        return super()._answer(page, decision, untick)
