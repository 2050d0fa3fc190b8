"""Every flow of both services, by a client that hears all secrets."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pyotp

from auth_service.protocol.admin_access import SCOPE
from tests.auth_service.endpoints.passkey_pages import form_on, options_on
from tests.auth_service.endpoints.second_factors import key_on
from tests.auth_service.endpoints.soft_passkey import SoftPasskey
from tests.auth_service.federation.provider import FakeProvider, FederatedPerson
from tests.auth_service.keypair import KeyPair
from tests.cli.command import Up, doorward
from tests.e2e.overheard import Overheard
from tests.flow import Client, Person, Pkce, forms_of
from tests.resource_service.service import bearer, call, modern_headers

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
PASSWORD = "Wallflower-9-Quays"
OPENID = "openid profile offline_access"


@dataclass
class Run:
    """The actions on a deployment."""

    running: Up
    traffic: Overheard
    http: httpx2.Client
    exchanger: dict[str, Any]

    @property
    def issuer(self) -> str:
        return self.running.issuer

    @property
    def mcp_url(self) -> str:
        return f"http://localhost:{self.running.resource_port}/mcp"

    @contextmanager
    def person(self, username: str = "wesen", password: str = "secret") -> Iterator[Person]:
        """Somebody whose browser is overheard."""
        with closing(Person(username, password, trust_env=False, event_hooks=self.traffic.hooks)) as person:
            yield person

    def client(self, **metadata: Any) -> Client:
        return Client.register(self.issuer, self.http, **metadata)

    def operate(self, *arguments: str, stdin: str = "") -> str:
        where = self.running.directory
        done = doorward(*arguments, cwd=where, stdin=stdin, DOORWARD_ISSUER=self.issuer)
        assert done.returncode == 0, done.stderr
        self.traffic.hear(done.stdout)
        return done.stdout

    def all(self, provider: FakeProvider) -> None:
        """Do everything."""
        with self.person() as person:
            token = self.connections(person)
            self.device(person)
            self.administration(person)
        self.calls(token)
        self.misplaced(token)
        self.second_factors()
        self.invitation()
        self.provider_login(provider)

    def connections(self, person: Person) -> str:
        """Codes, refreshes, reuse, proofs, exchange, introspection, revocation; a token that works."""
        client = self.client(token_endpoint_auth_method="client_secret_basic")
        management = {"Authorization": f"Bearer {client.information['registration_access_token']}"}
        assert self.http.get(f"{self.issuer}/register/{client.client_id}", headers=management).is_success
        tokens = client.connect(person, scope=f"{OPENID} notes:read", nonce="a-nonce-of-the-client")
        self.http.get(f"{self.issuer}/userinfo", headers=bearer(tokens["access_token"]))
        newer = client.refresh(tokens["refresh_token"]).json()
        exchanger = Client(self.issuer, self.http, self.exchanger)
        exchanged = exchanger.token(
            grant_type=EXCHANGE,
            subject_token=newer["access_token"],
            subject_token_type=ACCESS_TOKEN,
            resource=self.mcp_url,
        )
        assert exchanged.is_success, exchanged.text
        assert client.introspect(newer["access_token"]).status_code in (200, 401, 403)
        client.token(grant_type="client_credentials")
        self.bound(person)
        other = self.client(token_endpoint_auth_method="client_secret_post")
        over = other.connect(person)
        other.refresh(over["refresh_token"])
        other.refresh(other.refresh(over["refresh_token"]).json()["refresh_token"])
        assert other.refresh(over["refresh_token"]).json()["reason_code"] == "refresh_token_used_twice"
        client.revoke(client.connect(person)["access_token"])
        return str(newer["access_token"])

    def bound(self, person: Person) -> None:
        """A pushed request, redeemed with a proof of possession after a wrong verifier."""
        client, pkce, pair = self.client(), Pkce(), KeyPair()
        query = httpx2.URL(client.authorization_url(pkce)).params
        pushed = self.http.post(f"{self.issuer}/par", data=dict(query)).json()
        url = f"{self.issuer}/authorize?client_id={client.client_id}&request_uri={pushed['request_uri']}"
        form = {
            "grant_type": "authorization_code",
            "client_id": client.client_id,
            "code": person.authorize(url)["code"],
            "redirect_uri": client.information["redirect_uris"][0],
            "code_verifier": pkce.verifier,
        }
        nonce = None
        for _ in range(2):
            proof = pair.proof("POST", f"{self.issuer}/token", nonce=nonce)
            answer = self.http.post(f"{self.issuer}/token", data=form, headers={"DPoP": proof})
            nonce = answer.headers.get("dpop-nonce")
        assert answer.json()["token_type"] == "DPoP", answer.text
        self.http.post(f"{self.issuer}/token", data=form)  # used twice

    def device(self, person: Person) -> None:
        """A device that polls before and after the person allows it."""
        client = self.client(grant_types=[DEVICE, "refresh_token"], redirect_uris=[])
        data = {"client_id": client.client_id}
        begun = self.http.post(f"{self.issuer}/device_authorization", data=data).json()
        client.token(grant_type=DEVICE, device_code=begun["device_code"])
        page = person.submit(person.open(begun["verification_uri"]), {"user_code": begun["user_code"]})
        page = person.submit(page, {"decision": "allow"})
        assert page.is_success, page.text

    def administration(self, person: Person) -> None:
        """The console, and the admin API with a token of its own."""
        assert person.open(f"{self.issuer}/admin/journal").is_success
        redirect = "https://admin-tool.example/cb"
        printed = self.operate(
            *("clients", "add", "Tool", "--public", "--grant", "authorization_code"),
            *("--redirect-uri", redirect, "--scope", SCOPE),
        )
        match = re.search(r"[\"']?client_id[\"']?:?\s*[\"']?([A-Za-z0-9_-]+)", printed)
        assert match, printed
        tool = {"client_id": match[1], "redirect_uris": [redirect], "token_endpoint_auth_method": "none"}
        resource = f"{self.issuer}/admin/api"
        token = Client(self.issuer, self.http, tool).connect(person, resource=resource, scope=SCOPE)
        headers = {**bearer(token["access_token"]), "Idempotency-Key": secrets.token_hex(8)}
        made = self.http.post(
            f"{resource}/clients",
            json={"metadata": {"client_name": "Made", "grant_types": ["client_credentials"]}},
            headers=headers,
        )
        assert made.status_code in (200, 201), made.text
        assert self.http.get(f"{resource}/journal", headers=headers).is_success

    def calls(self, token: str) -> None:
        """Calls with secrets in arguments, headers, the name of a tool and the URL."""
        key = f"sk-{secrets.token_urlsafe(24)}"
        other = secrets.token_urlsafe(24)
        cookie = secrets.token_urlsafe(24)
        self.traffic.add("argument", key, other, cookie)
        arguments = {
            "password": other,
            "headers": {"Authorization": f"Bearer {key}", "Cookie": f"session={cookie}"},
            "text": f"curl -H 'Authorization: Bearer {key}' https://x.example/?access_token={token}",
        }
        more = {"Cookie": f"session={cookie}", "X-Api-Key": key}
        for tool in ("add", "who", token):
            headers = {**bearer(token), **modern_headers(tool), **more}
            self.http.post(self.mcp_url, json=call(tool, **arguments), headers=headers)
        in_url = f"{self.mcp_url}?access_token={token}&password={other}"
        self.http.post(in_url, json=call("who"), headers=modern_headers("who"))
        self.http.post(
            self.mcp_url, json=call("who"), headers={**bearer(f"{token}x"), **modern_headers("who")}
        )

    def misplaced(self, token: str) -> None:
        """Secrets where none belong: paths, queries, client ids, and values that are refused."""
        for path in (f"/register/{token}", f"/{token}", f"/userinfo?access_token={token}"):
            self.http.get(f"{self.issuer}{path}")
        form = {"grant_type": "authorization_code", "code": token, "client_id": token, "redirect_uri": token}
        self.http.post(f"{self.issuer}/token", data=form)
        self.http.post(f"{self.issuer}/token", data={**form, "grant_type": token})
        self.http.post(f"{self.issuer}/token", content=f'{{"code": "{token}"}}')
        query = {"client_id": token, "redirect_uri": f"https://x.example/{token}", "code_verifier": token}
        self.http.get(f"{self.issuer}/authorize", params=query)
        self.http.post(f"{self.issuer}/register", json={"redirect_uris": [token], "client_uri": token})

    def second_factors(self) -> None:
        """An authenticator app with recovery codes, a wrong code, a right one, and a passkey."""
        self.operate("users", "add", "ada", stdin=f"{PASSWORD}\n")
        self.traffic.add("password", PASSWORD)
        with self.person("ada", PASSWORD) as ada:
            ada.log_in(ada.open(f"{self.issuer}/login?to=login-methods"))
            passkey = SoftPasskey(self.issuer)
            page = ada.open(f"{self.issuer}/add-passkey")
            credential = passkey.create(options_on(page))
            fields = {**form_on(page).fields, "credential": credential, "name": "Phone"}
            assert ada.follow(ada.browser.post(f"{self.issuer}/add-passkey", data=fields)).is_success
            page = ada.open(f"{self.issuer}/add-authenticator")
            app = pyotp.TOTP(key_on(page))
            assert ada.submit(page, {"code": app.now()}).is_success
        recovery = next(each for each, kind in self.traffic.secrets.items() if kind == "recovery code")
        with self.person("ada", PASSWORD) as elsewhere:
            page = elsewhere.log_in(elsewhere.open(f"{self.issuer}/login?to=account"))
            for code in ("000000", recovery):
                form = next(form for form in forms_of(page.text) if "code" in form.fields)
                fields = {**form.fields, "code": code}
                page = elsewhere.follow(elsewhere.browser.post(str(page.url.join(form.action)), data=fields))
            assert elsewhere.open(f"{self.issuer}/account").url.path == "/account"
        with self.person("ada", f"{PASSWORD}-wrong") as stranger:
            stranger.log_in(stranger.open(f"{self.issuer}/login"))

    def invitation(self) -> None:
        """A link by which a person sets a password, and a token for registrations."""
        self.operate("clients", "invite")
        output = self.operate("users", "invite", "grace")
        link = re.search(r"https?://\S+", output)
        assert link, output
        with self.person("grace") as grace:
            page = grace.open(link[0])
            new: dict[str, str | None] = {
                "new_password": f"{PASSWORD}-2",
                "new_password_again": f"{PASSWORD}-2",
            }
            assert grace.submit(page, new).is_success

    def provider_login(self, provider: FakeProvider) -> None:
        """A login at an identity provider that succeeds, and one that fails."""
        hooks = self.traffic.hooks
        for fails in (False, True):
            provider.answers = {"/token": (400, {"error": "invalid_grant"})} if fails else {}
            with closing(FederatedPerson(provider, event_hooks=hooks)) as person:
                person.log_in(person.open(f"{self.issuer}/login"))
        for _, form, headers in provider.requests:
            self.traffic.add(
                "sent to the provider", *(form.get(each, "") for each in ("code", "client_secret"))
            )
            self.traffic.add("sent to the provider", headers.get("authorization", "").partition(" ")[2])


@contextmanager
def overheard(running: Up, exchanger: dict[str, Any]) -> Iterator[Run]:
    """A run whose traffic is searched for secrets."""
    traffic = Overheard()
    with ExitStack() as stack:
        client = httpx2.Client(trust_env=False, timeout=30, event_hooks=traffic.hooks)
        yield Run(running, traffic, stack.enter_context(client), exchanger)
