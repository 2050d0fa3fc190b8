"""Identity providers that others wrote, run here, and the person who logs in at them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin

import httpx2

from tests.flow import Person, forms_of
from tests.interop.libraries.npm import HERE, install
from tests.servers import free_port

CLIENT_ID, CLIENT_SECRET = "doorward", "a secret of doorward, at the provider"


class NpmProvider:
    """`oidc-provider` of npm, at an address that is known before it starts.

    Args:
        groups: of the people who have any, by name.
    """

    def __init__(self, **groups: list[str]) -> None:
        install()
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self._groups = groups

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

    @contextmanager
    def running(self, doorward: str) -> Iterator[None]:
        """It serves the issuer `doorward` for the length of the context."""
        configuration = {
            "port": self.port,
            "clientId": CLIENT_ID,
            "clientSecret": CLIENT_SECRET,
            "redirectUri": f"{doorward}/callback/npm",
            "groups": self._groups,
        }
        command = ["node", str(HERE / "identity_provider.mjs"), json.dumps(configuration)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            assert process.stdout
            try:
                assert process.stdout.readline() == "ready\n"
                yield
            finally:
                process.kill()


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

    def follow(self, response: httpx2.Response) -> httpx2.Response:
        """Follow redirects for as long as they stay at the two."""
        while "location" in response.headers:
            location = urljoin(str(response.url), response.headers["location"])
            if not any(location.startswith(f"{issuer}/") for issuer in self.issuers):
                return response
            response = self.browser.get(location)
        return response

    def log_in_through(self, page: httpx2.Response) -> httpx2.Response:
        """Press the button, and log in at the provider."""
        button = next(f for f in forms_of(page.text) if f.action.endswith(f"login/{self.provider_id}"))
        page = self.follow(self.browser.post(urljoin(str(page.url), button.action), data=button.fields))
        while str(page.url).startswith(self.issuers[1]):
            page = self._answer(page, "allow", ())
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
