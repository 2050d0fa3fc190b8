"""The servers and people by whom the states of pages are reached."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from html import unescape
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from auth_service.accounts.account_links import AccountLinks
from auth_service.accounts.lifecycle import AccountLifecycle
from auth_service.storage import keys
from shared.storage import Store
from tests.auth_service.access.rules import set_rules
from tests.auth_service.connected_accounts.upstream import Upstream, resource_server, running_upstream
from tests.auth_service.console import AtTheConsole
from tests.auth_service.endpoints.second_factors import PASSWORD
from tests.auth_service.federation.provider import FakeProvider, FederatedPerson, fake_provider
from tests.auth_service.service import (
    OTHER_RESOURCE,
    OTHER_RESOURCE_SERVER,
    RESOURCE,
    AuthorizationServer,
    nobodys,
    running,
)
from tests.flow import Client, Person, Pkce

PersonT = TypeVar("PersonT", bound=Person)

GERMAN = {"Accept": "text/html", "Accept-Language": "de"}
SECRET_OF_SET_UP = "the secret of the link"
NEW_PASSWORD = "seven moss harbours"
EVERYTHING = "openid profile offline_access notes:read notes:write"
NEWER = {"new_password": NEW_PASSWORD, "new_password_again": NEW_PASSWORD}


@dataclass(frozen=True)
class Visit:
    """The servers, and people with browsers.

    Attributes:
        fresh: a server in which nobody has an account yet.
    """

    server: AuthorizationServer
    fresh: AuthorizationServer
    provider: FakeProvider
    upstream: Upstream
    console: AtTheConsole
    _people: list[Person] = field(default_factory=list)

    def _at_a_browser(self, person: PersonT) -> PersonT:
        self._people.append(person)
        return person

    def close(self) -> None:
        """Close all browsers."""
        for person in (self.console.person, *self._people):
            person.close()

    def open(self, person: Person, path: str) -> httpx2.Response:
        """Open a page of the authorization server."""
        return person.open(f"{self.server.origin}/{path}")

    def stranger(self) -> Person:
        """Somebody who is not logged in."""
        return self._at_a_browser(Person(trust_env=False, headers=GERMAN))

    def person(self) -> Person:
        """Somebody with a new account, logged in."""
        name = nobodys("user")
        self.server.add_user(name, PASSWORD).close()
        person = self._at_a_browser(Person(name, PASSWORD, trust_env=False, headers=GERMAN))
        person.log_in(self.open(person, "login"))
        return person

    def federated(self, **claims: Any) -> FederatedPerson:
        """Somebody who has not yet logged in through the provider."""
        name = nobodys("federated")
        self.provider.changes = {}
        self.provider.claims = {"sub": name, "preferred_username": name, **claims}
        return self._at_a_browser(FederatedPerson(self.provider, headers=GERMAN))

    def client(self, **metadata: Any) -> Client:
        return self.server.register(client_name="Notizen", **metadata)

    def authorize(
        self, person: Person, client: Client | None = None, **parameters: str | None
    ) -> httpx2.Response:
        """Open an authorization request for everything at the MCP server."""
        everything: dict[str, str | None] = {"resource": RESOURCE, "scope": EVERYTHING, **parameters}
        return person.open((client or self.client()).authorization_url(Pkce(), **everything))

    def link(self, **options: Any) -> str:
        """A one-time link by which somebody sets a password."""
        name = nobodys("invited")
        self.server.add_user(name, PASSWORD).close()

        async def reset(store: Store) -> str:
            accounts = AccountLifecycle.of_store(store, self.server.clock)
            links = AccountLinks(accounts=accounts, clock=self.server.clock)
            return await links.reset(await accounts.users.named(name), ttl_s=3_600, **options)

        return f"set-password?link={self.server.with_store(reset)}"

    def found(self, page: httpx2.Response, pattern: str) -> str:
        """The first link on a console page that matches."""
        links = (unescape(link) for link in re.findall(r'href="([^"]+)"', page.text))
        return next(link for link in links if re.match(pattern, link))


@contextmanager
def visiting(directory: Path) -> Iterator[Visit]:
    """The servers that the states need, for the length of the context."""
    with (
        fake_provider() as provider,
        running_upstream() as upstream,
        running(
            f"sqlite:///{directory}/store.db",
            fetch_loopback=True,
            resource_servers=[resource_server(upstream), OTHER_RESOURCE_SERVER],
            second_factor={"resources": [OTHER_RESOURCE]},
            identity_providers=[
                provider.configuration(label="Beispiel AG"),
                {
                    "id": "gone",
                    "issuer": "http://127.0.0.1:1",
                    "client_id": "c",
                    "label": "Fort",
                    "allow": {"everyone": True},
                },
            ],
        ) as server,
        running(
            f"sqlite:///{directory}/fresh.db",
            demo_user=False,
            authorizations_per_minute=1,
            setup_link=f"{sha256(SECRET_OF_SET_UP.encode()).hexdigest()}:4000000000",
        ) as fresh,
    ):
        console = AtTheConsole(server, Person(trust_env=False, headers=GERMAN))
        visit = Visit(server, fresh, provider, upstream=upstream, console=console)
        try:
            yield visit
        finally:
            visit.close()


State = Callable[[Visit], httpx2.Response]


class StateTable(dict[str, State]):
    """States by name."""

    def add(self, function: State) -> State:
        """Add a state, by the name of the function."""
        self[function.__name__] = function
        return function


@contextmanager
def ruled(visit: Visit, document: object) -> Iterator[None]:
    """Access rules for the length of the context."""
    set_rules(visit.server, document)
    yield
    visit.server.with_store(lambda store: store.delete(keys.access()))
